"""Ordering, waiting and fetching, against a service on this machine."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.ai.beatoven.engine import BeatovenEngine
from beatflow.ai.beatoven.job import Patience
from beatflow.ai.beatoven.transport import Limits
from beatflow.ai.engine import (
    BatchGenerator,
    Brief,
    Demanding,
    Generator,
    Guide,
    Performance,
    Settling,
    Setup,
)
from beatflow.errors import EngineError, UsageError
from beatflow.sound.exact import check_sum

from .server import KEY, STEMS, Answer, Service, make_wav, serve, wait_until

COMPOSE = "/api/v1/tracks/compose"
TASKS = "/api/v1/tasks/"
PATIENCE = Patience(first_s=0.01, longest_s=0.02, unknown_s=0.2, total_s=10.0)
LIMITS = Limits(connect_s=2.0, read_s=0.4, answer_s=2.0, attempts=3, pause_s=0.01, longest_pause_s=0.02)


@pytest.fixture
def service() -> Iterator[Service]:
    with serve() as running:
        yield running


def make(
    service: Service, folder: Path | None = None, key: str = KEY, limits: Limits = LIMITS, **setup: object
) -> BeatovenEngine:
    addresses = {"beatoven": service.url}
    made = Setup(engine="beatoven", keys={"beatoven": key}, addresses=addresses, state=folder, **setup)  # type: ignore[arg-type]
    return BeatovenEngine(made, PATIENCE, limits)


def deliver(engine: BeatovenEngine, *arguments: Any) -> Performance:
    """Have a track made, and tell the engine that it is safe."""
    made = engine.generate(*arguments)
    engine.settle()
    return made


def fails(service: Service, folder: Path, **kinds: object) -> EngineError:
    """What comes of an order that must fail; the key and signatures are in no message."""
    with pytest.raises(EngineError) as caught:
        make(service, folder, **kinds).generate(Brief("lofi"))  # type: ignore[arg-type]
    error: BaseException | None = caught.value
    assert caught.value.hint
    while error is not None:
        assert KEY not in str(error)
        assert "hush" not in str(error)
        error = error.__cause__
    return caught.value


def remembered(folder: Path) -> list[Path]:
    return sorted((folder / "beatoven").glob("*"))


def test_it_is_an_engine(service: Service) -> None:
    engine = make(service)
    assert isinstance(engine, Generator)
    assert isinstance(engine, BatchGenerator)
    assert isinstance(engine, Demanding)
    assert isinstance(engine, Settling)
    assert engine.info.remote
    assert engine.facts.device == "remote"
    engine.check_ready()
    assert not service.asked


def test_a_track_with_stems_that_sum_to_it(service: Service, tmp_path: Path) -> None:
    made = deliver(make(service, tmp_path), Brief("calm lofi", tempo=90.0, key="A:min", bars=8, loop=False))
    order = service.find("POST", COMPOSE)[0]
    assert order.body == {
        "prompt": {"text": "21 seconds calm lofi, 90 BPM, in A minor"},
        "format": "wav",
        "looping": False,
    }
    assert order.headers["Authorization"] == f"Bearer {KEY}"
    assert tuple(made.stems) == STEMS
    assert made.subtype == "PCM_16"
    assert check_sum(made.stems, made.mix, "PCM_16") == 0
    assert make_wav(made.mix.samples) == service.files["track"]
    assert (made.tempo, made.key, made.bars, made.meter) == (None, None, None, None)
    assert made.parameters["task"] == "ccb84650-7b4a_1"
    delivered = made.parameters["delivered"]
    assert isinstance(delivered, dict)
    assert set(delivered) == {"track", *STEMS}
    assert KEY not in str(made.parameters)
    assert "hush" not in str(made.parameters)
    assert -30.0 < float(str(made.parameters["stem_residual_db"])) < 0.0
    assert remembered(tmp_path) == []


def test_progress_rises_and_stops_the_engine(service: Service, tmp_path: Path) -> None:
    seen: list[float] = []
    deliver(make(service, tmp_path), Brief("lofi"), lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0

    def stop(fraction: float, what: str) -> None:
        if what == "Beatoven composes":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(make(service, tmp_path), Brief("lofi"), stop)
    assert len(remembered(tmp_path)) == 1
    orders = service.orders
    told: list[str] = []
    deliver(make(service, tmp_path, tell=told.append), Brief("lofi", seed=99))
    assert service.orders == orders
    assert told == ["taking up ccb84650-7b4a_2, which was ordered from Beatoven before"]
    assert remembered(tmp_path) == []


PROGRAM = """
import sys
from pathlib import Path
from beatflow.ai.beatoven.engine import BeatovenEngine
from beatflow.ai.beatoven.job import Patience
from beatflow.ai.engine import Brief, Setup
url, key, state = sys.argv[1:]
setup = Setup(keys={"beatoven": key}, addresses={"beatoven": url}, state=Path(state))
BeatovenEngine(setup, Patience(first_s=0.01, longest_s=0.01)).generate(Brief("lofi"))
"""


def start(service: Service, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, service.url, KEY, str(folder)])


def test_killed_in_the_middle_and_taken_up_again(service: Service, tmp_path: Path) -> None:
    service.polls = 100_000
    process = start(service, tmp_path)
    wait_until(service, "GET", TASKS)
    # While it lives, the same command elsewhere orders its own.
    service.polls = 0
    deliver(make(service, tmp_path), Brief("lofi"))
    assert service.orders == 2
    process.kill()
    process.wait()
    assert len(remembered(tmp_path)) == 1
    service.tasks["ccb84650-7b4a_1"] = 0
    deliver(make(service, tmp_path), Brief("something else"))
    assert service.orders == 3
    made = deliver(make(service, tmp_path), Brief("lofi", seed=7))
    assert made.parameters["task"] == "ccb84650-7b4a_1"
    assert service.orders == 3
    assert remembered(tmp_path) == []


def test_killed_before_the_answer_came(service: Service, tmp_path: Path) -> None:
    """An order that may have been taken is not sent again unasked."""
    service.plan("POST", COMPOSE, Answer(hang_s=60.0))
    process = start(service, tmp_path)
    wait_until(service, "POST", COMPOSE)
    process.kill()
    process.wait()
    assert "may have taken it" in fails(service, tmp_path).message
    assert service.orders == 1
    deliver(make(service, tmp_path), Brief("lofi"))
    assert service.orders == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(silent=True),
        Answer(hang_s=5.0),
        Answer(500, {"message": "oh"}),
        Answer(body=b"<html>"),
        Answer(body={"status": "started"}),
        Answer(body={"task_id": "../../secrets"}),
        Answer(body=b"[" * 100_000),
        Answer(body=b"{}" + b" " * (2 << 20)),
        Answer(body={"task_id": "x"}, cut=4),
    ],
)
def test_an_order_is_never_sent_twice(answer: Answer, service: Service, tmp_path: Path) -> None:
    service.plan("POST", COMPOSE, answer)
    error = fails(service, tmp_path)
    assert "may have taken the order" in error.message
    assert "apiDashboard" in str(error.hint)
    assert service.orders == 1
    assert remembered(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (
            Answer(401, {"message": f"no key {KEY}\x1b[31m!"}),
            "your key: no key … \\[31m!",
            "BEATOVEN_API_KEY",
        ),
        (Answer(402, {"error": "no credits"}), "out of credits: no credits", "credits"),
        (Answer(403), "your key or your credits", "credits"),
        (Answer(422, {"detail": "too long"}), r"\(422\): too long", "hello@"),
        (Answer(400, b"\xff\xfe"), r"\(400\)$", "hello@"),
        (Answer(307, headers={"Location": "/elsewhere"}), "somewhere unsafe", "hello@"),
    ],
)
def test_refused(answer: Answer, message: str, hint: str, service: Service, tmp_path: Path) -> None:
    service.plan("POST", COMPOSE, answer)
    error = fails(service, tmp_path)
    assert re.search(message, error.message), error.message
    assert hint in str(error.hint)
    assert service.orders == 1
    assert remembered(tmp_path) == []


def test_too_many_requests(service: Service, tmp_path: Path) -> None:
    service.plan("POST", COMPOSE, *[Answer(429, headers={"Retry-After": "0"})] * 2)
    deliver(make(service, tmp_path), Brief("lofi"))
    assert service.orders == 3
    service.plan("POST", COMPOSE, *[Answer(429, headers={"Retry-After": "7"})] * 9)
    assert fails(service, tmp_path).hint == "try again in 7 s"
    assert remembered(tmp_path) == []


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(503), Answer(silent=True)],
        [Answer(hang_s=5.0)],
        [Answer(body=b"{"), Answer(body={"status": "composed"}, cut=3)],
        [Answer(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})],
        [Answer(404)],
        [Answer(body={"status": "queued"}), Answer(body={"status": "Composing", "meta": None})],
        [Answer(302, headers={"Location": f"{TASKS}ccb84650-7b4a_1"})],
    ],
)
def test_questions_are_asked_again(answers: list[Answer], service: Service, tmp_path: Path) -> None:
    service.plan("GET", TASKS, *answers)
    deliver(make(service, tmp_path), Brief("lofi"))
    assert service.orders == 1
    assert service.count("GET", TASKS) > len(answers)


@pytest.mark.parametrize(
    ("answers", "message", "kept"),
    [
        ([Answer(503)] * 9, r"trouble of its own \(503\)", True),
        ([Answer(body={"status": "composed", "meta": {}})], "names no track", True),
        ([Answer(body={"meta": {}})], "has no status", True),
        ([Answer(body=[1])], "has no status", True),
        (
            [Answer(body={"status": "failed", "meta": {"message": "bad\nwords"}})],
            "compose this: bad words",
            False,
        ),
        ([Answer(401)], "does not know your key", True),
        ([Answer(404)] * 1000, "knows nothing", False),
        ([Answer(302, headers={"Location": "http://localhost:9/"})], "somewhere unsafe", True),
        ([Answer(302, headers={"Location": f"{TASKS}ccb84650-7b4a_1"})] * 9, "round in circles", True),
    ],
)
def test_tasks_that_come_to_nothing(
    answers: list[Answer], message: str, kept: bool, service: Service, tmp_path: Path
) -> None:
    service.plan("GET", TASKS, *answers)
    with pytest.raises(EngineError, match=message):
        deliver(make(service, tmp_path), Brief("lofi"))
    assert len(remembered(tmp_path)) == kept
    service.plans.clear()
    deliver(make(service, tmp_path), Brief("lofi"))
    assert service.orders == (1 if kept else 2)


def test_waiting_has_an_end(service: Service, tmp_path: Path) -> None:
    service.polls = 10_000
    engine = make(service, tmp_path)
    engine = BeatovenEngine(engine._setup, Patience(first_s=0.01, total_s=0.05), LIMITS)
    with pytest.raises(EngineError, match="still composing"):
        engine.generate(Brief("lofi"))
    assert len(remembered(tmp_path)) == 1


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(silent=True), Answer(503)],
        [Answer(body=bytes(5000), cut=2000)],
        [Answer(body=bytes(5000), headers={"Content-Length": "9999"})],
        [Answer(hang_s=5.0)],
        [Answer(302, headers={"Location": "/files/track"})],
    ],
)
def test_downloads_begin_again(answers: list[Answer], service: Service, tmp_path: Path) -> None:
    service.plan("GET", "/files/track", *answers)
    made = deliver(make(service, tmp_path), Brief("lofi"))
    assert make_wav(made.mix.samples) == service.files["track"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("melody", b"<html>not found</html>", "as its melody is"),
        ("track", b"", "as its track is empty"),
        ("bass", None, "cannot be fetched"),
        ("track", b"RIFF", "as its track"),
    ],
)
def test_files_that_are_no_sound(
    name: str, content: bytes | None, message: str, service: Service, tmp_path: Path
) -> None:
    good = service.files[name]
    if content is None:
        service.plan("GET", f"/files/{name}", *[Answer(403)] * 9)
    else:
        service.files[name] = content
    error = fails(service, tmp_path)
    assert message in error.message
    assert "nothing is paid twice" in str(error.hint)
    assert str(remembered(tmp_path)[0]) in str(error.hint)
    service.files[name] = good
    service.plans.clear()
    deliver(make(service, tmp_path), Brief("lofi"))
    assert service.orders == 1


def test_broken_off_inside_the_sound(service: Service, tmp_path: Path) -> None:
    service.files["track"] = service.files["track"][:1000]
    assert "broken off" in fails(service, tmp_path).message


def test_files_that_are_too_large(service: Service, tmp_path: Path) -> None:
    small = Limits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, "sound_bytes": 10_000})
    assert "larger than" in fails(service, tmp_path, limits=small).message
    service.plan("GET", "/files/track", Answer(body=bytes(50_000), headers={"Content-Length": ""}))
    assert "larger than" in fails(service, tmp_path, limits=small).message


def test_the_key_goes_nowhere_else(service: Service, tmp_path: Path) -> None:
    with serve() as other:
        other.files = dict(service.files)
        service.plan("GET", "/files/bass", Answer(302, headers={"Location": f"{other.url}/files/bass"}))
        service.meta = {"track_url": f"{other.url}/files/track"}
        deliver(make(service, tmp_path), Brief("lofi"))
        assert len(other.asked) == 2
        assert not [asked for asked in other.asked if "Authorization" in asked.headers]
        assert all("Authorization" in asked.headers for asked in service.find("GET", TASKS))


@pytest.mark.parametrize(
    "url",
    ["http://localhost:9/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://a:b@127.0.0.1/", "https://"],
)
def test_unsafe_addresses(url: str, service: Service, tmp_path: Path) -> None:
    service.meta = {"track_url": url}
    assert "unsafe address" in fails(service, tmp_path).message
    service.meta = {}
    service.plan("GET", "/files/track", Answer(302, headers={"Location": url}))
    assert "somewhere unsafe" in fails(service, tmp_path).message
    assert service.orders == 1


def test_stems_of_other_shapes(service: Service, tmp_path: Path) -> None:
    """Another rate, one channel, another length: they still sum to the track."""
    rng = np.random.default_rng(5)
    service.files["bass"] = make_wav(0.1 * rng.standard_normal((4000, 1)), 22050)
    service.files["chords"] = make_wav(0.1 * rng.standard_normal((11_025, 3)))
    service.files["melody"] = make_wav(0.1 * rng.standard_normal((20_000, 2)), 48000, "PCM_24")
    made = deliver(make(service, tmp_path), Brief("lofi"))
    assert check_sum(made.stems, made.mix, "PCM_16") == 0
    assert {stem.samples.shape for stem in made.stems.values()} == {made.mix.samples.shape}


def test_tracks_without_some_stems(service: Service, tmp_path: Path) -> None:
    del service.files["bass"]
    service.meta = {}
    made = deliver(make(service, tmp_path), Brief("lofi"))
    assert "bass" not in made.stems
    assert check_sum(made.stems, made.mix, "PCM_16") == 0
    for stems in (None, {}, {"../x": "y", "mix": "z", "bass": 3}):
        service.meta = {"stems_url": stems}
        made = deliver(make(service, tmp_path), Brief("lofi"))
        assert not made.stems
        assert make_wav(made.mix.samples) == service.files["track"]


def test_other_depths(service: Service, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for subtype, expected in (("PCM_24", "PCM_24"), ("FLOAT", "PCM_24"), ("PCM_U8", "PCM_16")):
        service.files["track"] = make_wav(0.1 * rng.standard_normal((4000, 2)), 48000, subtype)
        made = deliver(make(service, tmp_path), Brief("lofi"))
        assert made.subtype == expected
        assert made.mix.sample_rate == 48000
        assert check_sum(made.stems, made.mix, expected) == 0


def test_only_some_stems(service: Service, tmp_path: Path) -> None:
    made = deliver(make(service, tmp_path), Brief("lofi", stems=("bass", "melody")))
    assert tuple(made.stems) == ("bass", "melody")
    assert check_sum(made.stems, made.mix, "PCM_16") == 0
    del service.files["bass"]
    with pytest.raises(EngineError, match="delivered no bass"):
        deliver(make(service, tmp_path), Brief("lofi", stems=("bass",)))


def test_stems_that_are_not_the_tracks_are_told(service: Service, tmp_path: Path) -> None:
    told: list[str] = []
    service.files["bass"] = make_wav(np.random.default_rng(1).uniform(-0.9, 0.9, (11025, 2)))
    made = deliver(make(service, tmp_path, tell=told.append), Brief("lofi"))
    assert [line for line in told if "only within" in line]
    assert check_sum(made.stems, made.mix, "PCM_16") == 0


def test_a_batch_is_ordered_at_once_and_not_paid_twice(service: Service, tmp_path: Path) -> None:
    briefs = [Brief("lofi", seed=seed) for seed in range(3)]
    service.plan("GET", f"{TASKS}ccb84650-7b4a_2", *[Answer(500)] * 3)
    with pytest.raises(EngineError):
        make(service, tmp_path).generate_batch(briefs)
    assert service.orders == 3
    assert len(remembered(tmp_path)) == 3
    engine = make(service, tmp_path)
    made = engine.generate_batch(briefs)
    assert service.orders == 3
    assert len({str(one.parameters["task"]) for one in made}) == 3
    engine.settle()
    assert remembered(tmp_path) == []


def test_remembered_until_it_is_settled(service: Service, tmp_path: Path) -> None:
    """A full disk after the download costs nothing but another download."""
    engine = make(service, tmp_path)
    first = engine.generate(Brief("lofi"))
    second = engine.generate(Brief("lofi"))
    # It has the first one already, so this is another order.
    assert service.orders == 2
    again = [make(service, tmp_path).generate(Brief("lofi")) for _ in range(2)]
    assert service.orders == 2
    assert {one.parameters["task"] for one in again} <= {one.parameters["task"] for one in (first, second)}
    engine.settle()
    engine.settle()
    assert remembered(tmp_path) == []
    make(service, tmp_path).generate(Brief("lofi"))
    assert service.orders == 3


@pytest.mark.parametrize(
    ("brief", "message"),
    [
        (Brief("  "), "needs words"),
        (Brief("lofi", stems=("drums",)), "no stem 'drums'"),
    ],
)
def test_briefs_that_make_no_sense(brief: Brief, message: str, service: Service) -> None:
    with pytest.raises(UsageError, match=message):
        make(service).generate(brief)
    with pytest.raises(UsageError, match="no melody"):
        make(service).generate_batch([Brief("lofi")], Guide(()))
    assert not service.asked


@pytest.mark.parametrize("prompt", ["夜のドライブ、静かに", "lofi " * 2000, 'quotes " and \\ and \u2028'])
def test_odd_prompts(prompt: str, service: Service, tmp_path: Path) -> None:
    deliver(make(service, tmp_path), Brief(prompt, duration_s=12.4, meter="3/4"))
    sent = service.find("POST", COMPOSE)[0].body["prompt"]["text"]
    assert sent == f"12 seconds {prompt.strip()}, in 3/4 time"


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ({"keys": {}}, "needs a key"),
        ({"keys": {"beatoven": " \n"}}, "needs a key"),
        ({"keys": {"beatoven": "schl\u00fcssel"}}, "letters that no key has"),
        ({"keys": {"beatoven": "two\nlines"}}, "letters that no key has"),
        ({"keys": {"beatoven": KEY}, "offline": True}, "offline is set"),
        ({"keys": {"beatoven": KEY}, "addresses": {"beatoven": "http://example.com"}}, "in the clear"),
        ({"keys": {"beatoven": KEY}, "addresses": {"beatoven": "nonsense"}}, "no address"),
        ({"keys": {"beatoven": KEY}, "addresses": {"beatoven": "https://host:port"}}, "no address"),
    ],
)
def test_not_ready(setup: dict[str, object], message: str) -> None:
    engine = BeatovenEngine(Setup(**setup))  # type: ignore[arg-type]
    for attempt in (engine.check_ready, lambda: engine.generate(Brief("lofi"))):
        with pytest.raises(EngineError, match=message) as caught:
            attempt()
        assert caught.value.hint


def test_nobody_there(tmp_path: Path) -> None:
    with serve() as gone:
        pass
    for url, message in ((gone.url, "refuses the connection"), ("https://no-such-host.invalid", "no host")):
        setup = Setup(keys={"beatoven": KEY}, addresses={"beatoven": url}, state=tmp_path)
        with pytest.raises(EngineError, match=message):
            BeatovenEngine(setup, PATIENCE, LIMITS).generate(Brief("lofi"))
        assert remembered(tmp_path) == []


def test_nowhere_to_remember(service: Service, tmp_path: Path) -> None:
    (tmp_path / "beatoven").write_text("in the way")
    told: list[str] = []
    deliver(make(service, tmp_path, tell=told.append), Brief("lofi"))
    assert "cannot be written to" in told[0]
    make(service, None, tell=told.append).generate(Brief("lofi"))
    assert len(told) == 1
