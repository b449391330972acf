"""What only a strange host does, and what then becomes of us: tickets that run out, redirects, lies, odd answers."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from beatflow.errors import BeatFlowError, DamagedError, NotFoundError
from beatflow.repository import Repository
from beatflow.sharing.githost.lfslocks import LfsLocks
from beatflow.sharing.githost.part import Part
from beatflow.sharing.remote import RemoteError
from tests.sharing.githost.hosting import make_track, pointer_of, song
from tests.sharing.githost.oddhost import SOUND, Answer, Asked, OddHost, at, offer, refuse, serve

KICK, SNARE = song(0.1), song(0.1, 330.0)


@pytest.fixture
def track(tmp_path: Path) -> Repository:
    return make_track(tmp_path / "track", kick=KICK, snare=SNARE)


@pytest.fixture
def empty(tmp_path: Path) -> Repository:
    return make_track(tmp_path / "empty")


def test_a_ticket_that_ran_out_is_asked_for_again(track: Repository, tmp_path: Path) -> None:
    stored: list[bytes] = []

    def script(asked: Asked) -> Answer:
        if asked.path.endswith("/batch"):
            if asked.json["operation"] == "download":
                return offer(asked, download=at(host, "/get", expires_in=600))
            number = len(host.paths("POST"))
            # The first has run out already, the second earlier than it says.
            ticket = {"Authorization": f"Ticket {number}"}
            return offer(
                asked, upload=at(host, "/put", header=ticket, expires_in=-5 if number == 1 else 600),
                verify=at(host, "/verify", header=ticket),
            )  # fmt: skip
        if asked.method == "PUT":
            if asked.headers["authorization"] == "Ticket 2":
                return Answer(403, {"message": "expired"})
            stored.append(asked.body)
        return Answer(200, KICK if asked.method == "GET" else b"")

    with serve(script) as host:
        host.open(tmp_path).plan_send(track, [pointer_of(KICK)]).run()
        assert stored == [KICK]
        verified = next(asked for asked in host.asked if asked.path == "/verify")
        assert verified.json == {"oid": pointer_of(KICK).oid, "size": len(KICK)}
        assert verified.headers["authorization"] == "Ticket 3"
        assert [asked.method for asked in host.asked][-1] == "GET"  # read back: the line is open


def test_what_arrives_over_there_otherwise_is_sent_again(
    track: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beatflow.sharing.githost.http._FIRST_WAIT_S", 0.001)
    answers = [KICK[:-1], KICK + b"x", KICK]

    def script(asked: Asked) -> Answer:
        if asked.path.endswith("/batch"):
            return offer(asked, upload=at(host, "/put"), download=at(host, "/get"))
        return Answer(200, b"" if asked.method == "PUT" else answers[len(host.paths("PUT")) - 1])

    with serve(script) as host:
        host.open(tmp_path).plan_send(track, [pointer_of(KICK)]).run()
        assert len(host.paths("PUT")) == 3
        answers[:] = [b"?" * len(KICK)] * 9
        with pytest.raises(DamagedError, match="arrives at the host with another content"):
            host.open(tmp_path).plan_send(track, [pointer_of(KICK)]).run()


def test_what_the_host_has_meanwhile_is_left_out(track: Repository, tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer:
        has = len(host.asked) > 1
        return offer(asked) if has else offer(asked, upload=at(host, "/put", expires_in=-1))

    with serve(script) as host:
        host.open(tmp_path).plan_send(track, [pointer_of(KICK)]).run()
        assert host.paths("PUT") == []


def test_a_sound_that_nobody_has_is_named(track: Repository, tmp_path: Path) -> None:
    with serve(lambda asked: offer(asked, upload=at(host, "/put"))) as host:
        plan = host.open(tmp_path).plan_send(track, [SOUND, pointer_of(KICK)])
        assert (plan.sounds, plan.bytes) == (2, len(KICK) + 10)
        with pytest.raises(NotFoundError, match="neither this track nor the remote has sound aaaaaaaaaaaa"):
            plan.run()
        assert host.paths("PUT") == []


def test_a_sound_that_the_host_does_not_take_is_named(track: Repository, tmp_path: Path) -> None:
    with serve(lambda asked: refuse(asked, 413, "no more than 2 GB")) as host:
        with pytest.raises(RemoteError, match="no more than 2 GB"):
            host.open(tmp_path).plan_send(track, [pointer_of(KICK)]).run()
        with pytest.raises(RemoteError, match=r"no more than 2 GB .*\(and 1 more of 2 sounds\)"):
            host.open(tmp_path).plan_send(track, [pointer_of(KICK), pointer_of(SNARE)]).run()


def test_redirects_are_followed_without_our_password(empty: Repository, tmp_path: Path) -> None:
    with serve(lambda asked: Answer(200, KICK)) as elsewhere:

        def script(asked: Asked) -> Answer:
            if asked.path == "/moved/batch":
                return offer(asked, download=at(host, "/get"))
            if asked.path == "/get":
                return Answer(302, b"", {"Location": f"{elsewhere.url}/kick"})
            if "authorization" not in asked.headers:
                return Answer(401)
            return Answer(307, b"", {"Location": "/moved/batch"})

        with serve(script) as host:
            host.open(tmp_path).plan_fetch(empty, [pointer_of(KICK)]).run()
            assert any(
                "authorization" in asked.headers for asked in host.asked if asked.path == "/moved/batch"
            )
        assert [asked.headers.get("authorization") for asked in elsewhere.asked] == [None]
    assert empty.audio.read(pointer_of(KICK).oid) == KICK


def test_history_is_not_sought_at_another_host(tmp_path: Path) -> None:
    """Not even our login: libgit2 would tell it to whoever is sent on to."""
    wants = Answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    with serve(lambda asked: wants) as elsewhere:

        def script(asked: Asked) -> Answer:
            where = elsewhere.url.replace("127.0.0.1", "localhost")
            return Answer(302, b"", {"Location": where + asked.path})

        with serve(script) as host, pytest.raises(RemoteError, match="sends on to another host"):
            host.open(tmp_path).read_refs()
        assert elsewhere.asked == []


def test_a_ticket_that_ran_out_does_not_cost_the_login(
    empty: Repository, track: Repository, tmp_path: Path
) -> None:
    """A long sound over a bad line may outlive several tickets, which stand in the address as giftless's do."""

    def script(asked: Asked) -> Answer:
        if "authorization" not in asked.headers:
            return Answer(401)
        number = len(host.paths("GET"))
        if asked.method == "POST":
            return offer(asked, download=at(host, f"/get?ticket={number}"))
        if asked.path != f"/get?ticket={number - 1}":
            return Answer(401, {"message": "expired"})
        begin = int(asked.headers.get("range", "bytes=0-")[6:-1])
        return Answer(206 if begin else 200, KICK[begin : begin + 7000], {
            "Content-Range": f"bytes {begin}-{begin + 6999}/{len(KICK)}"
        })  # fmt: skip

    with serve(script) as host:
        host.open(tmp_path).plan_fetch(empty, [pointer_of(KICK)]).run()
        assert empty.audio.read(pointer_of(KICK).oid) == KICK
        logins = {asked.headers["authorization"] for asked in host.asked if "authorization" in asked.headers}
        assert len(logins) == 1
        assert len([asked for asked in host.asked if "authorization" not in asked.headers]) == 1


def test_what_lies_there_can_be_read_through(track: Repository, tmp_path: Path) -> None:
    rotten, missing = pointer_of(SNARE), pointer_of(song(0.1, 440.0))

    def script(asked: Asked) -> Answer:
        if asked.method == "POST":
            rows = [
                {**row, "actions": {"download": at(host, "/" + row["oid"])}}
                for row in asked.json["objects"]
                if row["oid"] != missing.oid
            ]
            return Answer(200, {"objects": rows})
        return Answer(200, KICK if asked.path.endswith(pointer_of(KICK).oid) else b"x" * rotten.size)

    with serve(script) as host:
        remote = host.open(tmp_path)
        heard: list[float] = []
        sounds = [pointer_of(KICK), rotten, missing]
        assert remote.find_damaged(sounds, heard.append) == {rotten.oid, missing.oid}
        assert sum(heard) == len(KICK) + rotten.size
        assert remote.find_missing(sounds) == {missing.oid}
        host.script = lambda asked: Answer(403, {"message": "no"})
        with pytest.raises(RemoteError, match="does not allow"):
            remote.find_damaged(sounds)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(302, b"", {"Location": "ftp://h/"}), "not protected"),
        (Answer(307, b"", {"Location": "/again"}), "from one address to the next"),
        (Answer(200, b"<html>"), "does not answer as an LFS server"),
        (Answer(200, b"[]"), "does not answer as an LFS server"),
        (Answer(200, b"[" * 100_000), "does not answer as an LFS server"),
        (Answer(404, b"<html>"), "has no Git LFS for this repository"),
        (Answer(405), "has no Git LFS for this repository"),
        (Answer(200, {"transfer": "tus"}), "wants to transfer by 'tus'"),
        (Answer(200, b" " * (17 << 20)), "answers without end"),
        (Answer(507, {"message": "full"}), "has no room left"),
        (Answer(509), "as much as your plan there allows"),
        (Answer(503, b"", {"Retry-After": "3600"}), "fails: status 503"),
        (
            Answer(
                429,
                b"",
                {"Retry-After": "Wed, 21 Oct 2015 09:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
            ),
            "asked less often",
        ),
    ],
)
def test_odd_answers_are_refused(answer: Answer, words: str, tmp_path: Path) -> None:
    with serve(lambda asked: answer) as host, pytest.raises(RemoteError, match=words):
        host.open(tmp_path).find_missing([SOUND])


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"oid": "b" * 64, "actions": {"download": {"href": "http://h/"}}},
        {"oid": SOUND.oid, "actions": []},
        {"oid": SOUND.oid, "actions": {"download": "http://h/"}},
        {"oid": SOUND.oid, "error": {"code": "odd"}},
        {"oid": SOUND.oid, "error": {"code": 410, "message": "gone"}},
    ],
)
def test_what_says_nothing_of_a_sound_counts_as_not_having_it(row: object, tmp_path: Path) -> None:
    with serve(lambda asked: Answer(200, {"objects": [row, 7]})) as host:
        assert host.open(tmp_path).find_missing([SOUND]) == {SOUND.oid}


@pytest.mark.parametrize("href", [None, "", "file:///etc/passwd", 7, "http://[::1"])
def test_an_address_that_is_none_is_refused(href: object, tmp_path: Path) -> None:
    with (
        serve(lambda asked: offer(asked, download={"href": href})) as host,
        pytest.raises(RemoteError, match="names no address"),
    ):
        host.open(tmp_path).find_missing([SOUND])


@pytest.mark.parametrize(
    "action",
    [{"href": "http://h:99999/x"}, {"href": "http:///x"}, {"header": {"a": "b\nc"}}, {"header": {"a": "日"}}],
)
def test_what_cannot_be_asked_for_is_refused(
    action: dict[str, object], empty: Repository, tmp_path: Path
) -> None:
    with (
        serve(lambda asked: offer(asked, download=at(host, "/get") | action)) as host,
        pytest.raises(RemoteError, match="an address or a header is none"),
    ):
        host.open(tmp_path).plan_fetch(empty, [pointer_of(KICK)]).run()


def test_more_than_the_sound_has_is_not_read_to_the_end(
    empty: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beatflow.sharing.githost.http._FIRST_WAIT_S", 0.001)

    def script(asked: Asked) -> Answer:
        return (
            offer(asked, download=at(host, "/get")) if asked.method == "POST" else Answer(200, bytes(1 << 20))
        )

    with (
        serve(script) as host,
        pytest.raises(BeatFlowError, match="sends more of sound aaaaaaaaaaaa than its 10"),
    ):
        host.open(tmp_path).plan_fetch(empty, [SOUND]).run()
    assert sum(path.stat().st_size for path in (empty.scratch / "incoming").iterdir()) == 0


def ranges(host: Callable[[], OddHost], answer: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
    """A host that gives what ``answer`` says to a request with a range, and else the whole."""

    def script(asked: Asked) -> Answer:
        if asked.method == "POST":
            return offer(asked, download=at(host(), "/get"))
        return answer(asked) if "range" in asked.headers else Answer(200, KICK)

    return script


@pytest.mark.parametrize(
    "answer",
    [
        Answer(416),
        Answer(206, KICK[9:], {"Content-Range": f"bytes 9-{len(KICK) - 1}/{len(KICK)}"}),
        Answer(206, KICK[7:]),
        Answer(200, KICK),
        Answer(403, {"message": "ranges are for members"}),
    ],
)
def test_a_strange_answer_to_a_range_begins_anew(answer: Answer, empty: Repository, tmp_path: Path) -> None:
    part = empty.scratch / "incoming" / f"{pointer_of(KICK).oid}.part"
    part.parent.mkdir()
    part.write_bytes(KICK[:7])
    seen: list[int] = []

    def once(asked: Asked) -> Answer:
        seen.append(1)
        return (
            answer if len(seen) == 1 else Answer(206, KICK[7:], {"Content-Range": f"bytes 7-9/{len(KICK)}"})
        )

    with serve(ranges(lambda: host, once)) as host:
        host.open(tmp_path).plan_fetch(empty, [pointer_of(KICK)]).run()
    assert empty.audio.read(pointer_of(KICK).oid) == KICK


def test_two_commands_that_want_the_same_sound_do_not_mix(empty: Repository, tmp_path: Path) -> None:
    folder = empty.scratch / "incoming"
    folder.mkdir()
    with (
        serve(ranges(lambda: host, lambda asked: Answer(500))) as host,
        Part(folder, pointer_of(KICK)) as held,
    ):
        held.write(KICK[:5])
        host.open(tmp_path).plan_fetch(empty, [pointer_of(KICK)]).run()
        assert held.size == 5
    assert empty.audio.read(pointer_of(KICK).oid) == KICK
    assert [path.name for path in folder.iterdir()] == [f"{pointer_of(KICK).oid}.part"]


def test_a_proxy_is_used_and_left_out_where_it_is_to_be(tmp_path: Path) -> None:
    with serve(lambda asked: offer(asked, download={"href": "http://far.invalid/x"})) as proxy:
        through = {"http_proxy": proxy.url}
        remote = proxy.open(tmp_path, **through)
        assert remote.find_missing([SOUND]) == set()
        assert proxy.paths("POST") == [f"{proxy.url}/a.git/info/lfs/objects/batch"]
        near = proxy.open(tmp_path, **through, NO_PROXY="example.com, 127.0.0.1")
        assert near.find_missing([SOUND]) == set()
        assert proxy.paths("POST")[1:] == ["/a.git/info/lfs/objects/batch"]
        # What stands in its address is for the proxy alone.
        login = proxy.url.removeprefix("http://")
        proxy.open(tmp_path, http_proxy=f"me:p%40ss@{login}").find_missing([SOUND])
        told = proxy.asked[-1].headers["proxy-authorization"]
        assert base64.b64decode(told.removeprefix("Basic ")) == b"me:p@ss"
        proxy.script = lambda asked: Answer(407)
        with pytest.raises(RemoteError, match=r"the proxy before .* wants a login"):
            proxy.open(tmp_path, **through).find_missing([SOUND])
        with pytest.raises(RemoteError, match="of a kind that is not known"):
            proxy.open(tmp_path, http_proxy="socks5://127.0.0.1:1").find_missing([SOUND])


def test_locks_come_in_pages_and_odd_ones_are_refused(tmp_path: Path) -> None:
    def lock(number: int) -> dict[str, object]:
        return {"id": number, "path": f"{number}.wav", "locked_at": "never", "owner": None}

    def script(asked: Asked) -> Answer:
        if asked.path.endswith("/verify"):
            cursor = asked.json.get("cursor")
            if cursor:
                return Answer(200, {"ours": [], "theirs": [lock(1)]})
            return Answer(200, {"ours": [lock(2), "odd"], "theirs": None, "next_cursor": "2"})
        if "cursor=x" in asked.path:
            return Answer(200, {"locks": [lock(3)]})
        return Answer(200, {"locks": [lock(4)], "next_cursor": "x"})

    with serve(script) as host:
        locks = host.open(tmp_path).locks()
        assert isinstance(locks, LfsLocks)
        found = [(lock.path, lock.owner, lock.mine, lock.locked_at_s) for lock in locks.list_locks(0)]
        assert found == [("1.wav", "somebody", False, 0.0), ("2.wav", "somebody", True, 0.0)]

        # Who may only read hears no more than who has what.
        def reading(asked: Asked) -> Answer:
            return Answer(403, {"message": "read only"}) if asked.method == "POST" else script(asked)

        host.script = reading
        assert [(lock.path, lock.mine) for lock in locks.list_locks(0)] == [
            ("3.wav", False),
            ("4.wav", False),
        ]
        with pytest.raises(BeatFlowError, match=r"3\.wav is locked by somebody"):
            locks.unlock("3.wav", "Ada", 0)
        with pytest.raises(RemoteError, match="read only"):
            locks.unlock("3.wav", "Ada", 0, force=True)
        with pytest.raises(RemoteError, match="read only"):
            locks.lock("3.wav", "Ada", 0)
        host.script = lambda asked: Answer(200, {"lock": {"path": 7}})
        with pytest.raises(RemoteError, match="describes a lock otherwise"):
            locks.lock("3.wav", "Ada", 0)
        host.script = lambda asked: Answer(409, {}) if asked.path.endswith("locks") else Answer(200, {})
        with pytest.raises(BeatFlowError, match="locked by somebody else"):
            locks.lock("3.wav", "Ada", 0)
