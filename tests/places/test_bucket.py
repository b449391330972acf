"""A bucket as a place: what goes wrong on the way, what services say, and that no secret is told."""

import builtins
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beatflow.errors import BeatFlowError, EngineError, UsageError
from beatflow.places.address import parse_address
from beatflow.places.bucket.profile import read_profile
from beatflow.places.bucket.wording import explain
from beatflow.places.opening import Access, open_place
from beatflow.places.place import ChangedError, Place, PlaceError
from tests import faults
from tests.faults import FaultProxy
from tests.servers import PASSWORD, S3, has

HERE = Path("/")
AWS = {"AWS_ACCESS_KEY_ID": "ada-key", "AWS_SECRET_ACCESS_KEY": PASSWORD}


def say(call: Callable[[], object]) -> BeatFlowError:
    """Return the error of a call, which has a way out and no secret."""
    with pytest.raises(BeatFlowError) as caught:
        call()
    error = caught.value
    assert error.hint
    shown = "".join(traceback.format_exception(error))
    assert PASSWORD not in shown
    assert "Debug source" not in shown  # obstore's own words, with URLs in them
    for text in (error.message, error.hint):
        assert PASSWORD not in text
        assert "ada-key" not in text
        assert "http://" not in text.replace("http://…", "")
        assert "\n" not in text
    return error


def test_without_obstore_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "obstore":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    error = say(lambda: open_place(parse_address("s3://label", HERE)))
    assert isinstance(error, EngineError)
    assert error.hint == 'pip install "beatflow[remote]"'


def test_a_git_host_is_no_place() -> None:
    assert isinstance(say(lambda: open_place(parse_address("https://host/t.git", HERE))), UsageError)


@pytest.mark.parametrize(
    "endpoint", ["label", "ftp://x", "https://", "https://x/?a", "https://ada-key:x@host"]
)
def test_what_is_no_endpoint(endpoint: str) -> None:
    error = say(lambda: open_place(parse_address("s3://label", HERE), Access(endpoint, environment=AWS)))
    assert isinstance(error, UsageError)


def test_without_keys_it_says_where_they_come_from(tmp_path: Path) -> None:
    access = Access("http://127.0.0.1:1", home=tmp_path)
    error = say(lambda: open_place(parse_address("s3://label", HERE), access))
    assert error.message == "there are no keys for s3://label"
    assert "aws configure" in str(error.hint)


@pytest.mark.parametrize("address", ["gs://label/a", "az://label/a"])
def test_google_and_azure_open_with_keys_and_say_what_they_lack(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if address.startswith("az"):
        error = say(lambda: open_place(parse_address(address, HERE)))
        assert "no account is named" in error.message
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "ada")
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VzYW1l")
    else:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        error = say(lambda: open_place(parse_address(address, HERE)))
        assert "its keys cannot be read" in error.message
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
        monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    place = open_place(parse_address(address, HERE), Access("http://127.0.0.1:1"))
    assert "nobody answers" in say(lambda: place.read("refs.json")).message


def test_keys_come_from_amazons_own_files(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = a%b\n[label]\naws_access_key_id = two\n"
    )
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nregion = eu-north-1\n[profile label]\nregion = eu-west-1\nendpoint_url = https://s3.label\n"
    )
    assert read_profile({}, tmp_path) == {
        "AWS_ACCESS_KEY_ID": "one",
        "AWS_SECRET_ACCESS_KEY": "a%b",
        "AWS_REGION": "eu-north-1",
    }
    assert read_profile({"AWS_PROFILE": "label"}, tmp_path) == {
        "AWS_ACCESS_KEY_ID": "two",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "https://s3.label",
    }
    other = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "AWS_PROFILE": "none"}
    assert read_profile(other, tmp_path) == {}
    (tmp_path / ".aws" / "credentials").write_bytes(b"\xff[broken")
    assert "AWS_ACCESS_KEY_ID" not in read_profile({}, tmp_path)
    assert read_profile({}, None) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Error … https://x.blob/?sig=SESAME status code: 403 <Code>AuthenticationFailed</Code>",
            "does not accept",
        ),
        ("status code: 403 <Code>ExpiredToken</Code>", "expired"),
        ("status code: 403 <Code>RequestTimeTooSkewed</Code>", "clock"),
        ("404 <Code>NoSuchBucket</Code>", "there is no bucket"),
        ("<Code>ContainerNotFound</Code>", "there is no bucket"),
        ("Received redirect without LOCATION", "another region"),
        ("error getting credentials http://169.254.169.254/", "there are no keys"),
        ("invalid peer certificate: UnknownIssuer", "certificate"),
        ("inner: Status { status: 503, body", "busy or broken (HTTP 503)"),
        ("status code: 400 Bad <Code>MetadataTooLarge</Code>", "says no (HTTP 400, MetadataTooLarge)"),
        ("dns error: failed to lookup", "no such host"),
        ("kind: Timeout", "no answer came in time"),
        ("BadScheme", "not encrypted"),
        ("something https://x/?sig=SESAME", "the connection broke"),
    ],
)
def test_what_services_say_in_words(text: str, words: str) -> None:
    error = explain(RuntimeError(text), "s3://label", "s3", "read")
    assert words in error.message
    assert "SESAME" not in error.message + str(error.hint)
    assert error.hint


def open_s3(s3: S3, bucket: str, prefix: str | None = None, **changed: str) -> Place:
    address = parse_address(f"s3://{bucket}/{prefix or secrets.token_hex(6)}", HERE)
    return open_place(address, Access(environment=s3.environment() | changed))


if has("weed"):

    def test_wrong_keys_and_a_bucket_that_is_not_there(s3: S3, bucket: str, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"a")
        for changed, words in (
            ({"AWS_ACCESS_KEY_ID": "eve"}, "does not know this key"),
            ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the secret does not fit the key"),
        ):
            place = open_s3(s3, bucket, **changed)
            assert words in say(lambda: place.read("refs.json")).message  # noqa: B023  called at once
            assert words in say(lambda: place.swap("refs.json", b"", None)).message  # noqa: B023
            say(lambda: place.store("a", tmp_path / "a"))  # noqa: B023
            say(lambda: list(place.list()))  # noqa: B023
        place = open_s3(s3, "no-such-bucket")
        for call in (
            lambda: place.read("a"),
            place.is_empty,
            lambda: list(place.list()),
            lambda: place.read_range("a", 0, 1),
            lambda: place.swap("a", b"", None),
            lambda: place.store("a", tmp_path / "a"),
        ):
            assert say(call).message.startswith("there is no bucket at s3://no-such-bucket/")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "kind",
        [
            faults.REFUSE,
            faults.CUT_REQUEST,
            faults.LOSE_ANSWER,
            faults.CUT_ANSWER,
            faults.REPEAT,
            faults.BUSY,
        ],
    )
    def test_what_breaks_on_the_way_is_asked_again(s3: S3, bucket: str, tmp_path: Path, kind: str) -> None:
        data = os.urandom(7 << 20)
        source = tmp_path / "source"
        source.write_bytes(data)
        with FaultProxy(s3.port) as proxy:
            place = open_s3(s3, bucket, AWS_ENDPOINT_URL=proxy.endpoint)
            proxy.rule = faults.once(kind, "PUT")
            place.store("audio/a", source)
            proxy.rule = faults.once(kind, "GET")
            place.fetch("audio/a", tmp_path / "copy")
            assert (tmp_path / "copy").read_bytes() == data
            proxy.rule = faults.once(kind, "GET")
            assert [item.key for item in place.list()] == ["audio/a"]
            if kind != faults.REPEAT:  # then the second one is refused, rightly: whose it was cannot be known
                proxy.rule = faults.once(kind, "PUT")
                tag = place.swap("refs.json", b"one", None)
                proxy.rule = faults.once(kind, "PUT")
                place.swap("refs.json", b"two", tag)
                content = place.read("refs.json")
                assert content
                assert content.data == b"two"
            assert proxy.faults

    def test_what_is_damaged_on_the_way_up_is_not_believed(s3: S3, bucket: str, tmp_path: Path) -> None:
        data = os.urandom(300_000)
        (tmp_path / "source").write_bytes(data)
        with FaultProxy(s3.port, faults.once(faults.CORRUPT_REQUEST, "PUT")) as proxy:
            place = open_s3(s3, bucket, AWS_ENDPOINT_URL=proxy.endpoint)
            try:
                place.store("a", tmp_path / "source")
            except PlaceError:
                place.store(
                    "a", tmp_path / "source"
                )  # the service has refused what did not fit its signature
            assert place.read_range("a", 0, len(data)) == data
            tag = None
            for text in (b"one" * 100, b"two" * 100):
                proxy.rule = faults.once(faults.CORRUPT_REQUEST, "PUT", "refs.json")
                tag = place.swap("refs.json", text, tag)
                assert (content := place.read("refs.json"))
                assert (content.data, content.tag) == (text, tag)
            proxy.rule = lambda request: faults.CORRUPT_REQUEST if request.method == "PUT" else None
            with pytest.raises(PlaceError, match="does not hold what was sent"):
                place.swap("refs.json", b"three", tag)
            proxy.rule = faults.once(faults.CORRUPT_ANSWER, "GET")
            content = place.read("a")
            assert content
            assert content.data == data

    def test_a_service_that_gives_no_digest_is_read_back(s3: S3, bucket: str, tmp_path: Path) -> None:
        """As of keys of one's own at Amazon: here, of what went up in other parts."""
        data = os.urandom(6 << 20)
        (tmp_path / "source").write_bytes(data)
        name = secrets.token_hex(6)
        s3.write(bucket, f"{name}/a", data)
        s3.write(bucket, f"{name}/b", data[:-1] + b"x")
        with FaultProxy(s3.port) as proxy:
            place = open_s3(s3, bucket, name, AWS_ENDPOINT_URL=proxy.endpoint)
            place.store("a", tmp_path / "source")
            assert proxy.counts.up < 100_000
            place.store("b", tmp_path / "source")
            assert proxy.counts.up > 6 << 20
        assert hashlib.sha256(s3.read(bucket, f"{name}/b")).digest() == hashlib.sha256(data).digest()

    def test_strangers_names_are_passed_over(s3: S3, bucket: str) -> None:
        name = secrets.token_hex(6)
        s3.write(bucket, f"{name}/Song.wav", b"x")
        place = open_s3(s3, bucket, name)
        assert list(place.list()) == []
        assert not place.is_empty()

    def test_two_writers_of_one_document(s3: S3, bucket: str) -> None:
        name = secrets.token_hex(6)
        one, two = open_s3(s3, bucket, name), open_s3(s3, bucket, name)
        tag = one.swap("refs.json", b"0", None)
        won = []

        def write(place: Place, text: bytes) -> None:
            try:
                place.swap("refs.json", text, tag)
            except ChangedError:
                return
            won.append(text)

        threads = [
            threading.Thread(target=write, args=(one, b"1")),
            threading.Thread(target=write, args=(two, b"2")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        content = one.read("refs.json")
        assert content
        assert won == [content.data]


def test_nobody_who_answers_is_told(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = open_place(parse_address("s3://label", HERE), Access(f"http://127.0.0.1:{port}", environment=AWS))
    assert "nobody answers" in say(lambda: place.read("refs.json")).message


def test_ctrl_c_does_not_wait_for_an_answer(tmp_path: Path) -> None:
    """The program ends at once, although the service says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code = f"""
from pathlib import Path
from beatflow.places.address import parse_address
from beatflow.places.opening import Access, open_place
access = Access("http://127.0.0.1:{silent.getsockname()[1]}", environment={AWS!r})
place = open_place(parse_address("s3://label", Path("/")), access)
print("asking", flush=True)
place.read("refs.json")
"""
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout
        assert process.stdout.readline() == "asking\n"
        asked, _ = silent.accept()
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(40) != 0
        process.stdout.close()
        asked.close()
        # It would wait for 45 s otherwise.
        assert time.monotonic() - begun < 30
