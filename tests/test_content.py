"""What is kept as audio: decided by content, never by name."""

import subprocess

import pytest

from beatflow.content import MAX_BINARY, MAX_TEXT, is_kept_as_audio, is_sound
from beatflow.objects.pointer import Pointer, decode_pointer, encode_pointer


def mpeg(header: bytes, length: int) -> bytes:
    return (header + bytes(length - 4)) * 3


@pytest.mark.parametrize(
    ("head", "sound"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", False),
        (b"RF64\xff\xff\xff\xffWAVEds64", True),
        (b"FORM\x00\x00\x00\x00AIFCFVER", True),
        (b"fLaC\x00", True),
        (b"OggS\x00", True),
        (b"ID3\x04\x00", True),
        (b"\x00\x00\x00\x20ftypM4A ", True),
        (b"MThd\x00\x00\x00\x06", False),
        (b"plain text\n", False),
        (b"", False),
        (mpeg(b"\xff\xfb\x90\x64", 417), True),
        (mpeg(b"\xff\xf3\x40\xc4", 104), True),
        (b"\xff\xfb\x90\x64" + bytes(2000), False),
        (b"\xff\xfe" + "utf-16".encode("utf-16-le"), False),
        (b"\xff\xfb", False),
    ],
)
def test_magic(head: bytes, sound: bool) -> None:
    assert is_sound(head) == sound


def test_size_decides_for_the_rest() -> None:
    assert not is_kept_as_audio(b"\0" * 100, MAX_BINARY)
    assert is_kept_as_audio(b"\0" * 100, MAX_BINARY + 1)
    assert not is_kept_as_audio(b"text", MAX_TEXT)
    assert is_kept_as_audio(b"text", MAX_TEXT + 1)
    assert not is_kept_as_audio(b"", 0)


def test_a_file_that_is_a_pointer_is_not_taken_for_one() -> None:
    text = encode_pointer(Pointer("a" * 64, 12))
    assert is_kept_as_audio(text, len(text))


def test_git_lfs_writes_the_same_pointer() -> None:
    content = b"some bytes\n"
    done = subprocess.run(["git", "lfs", "clean"], input=content, capture_output=True, check=False)
    if done.returncode == 0:
        pointer = decode_pointer(done.stdout)
        assert pointer is not None
        assert encode_pointer(pointer) == done.stdout


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"version https://git-lfs.github.com/spec/v2\noid sha256:" + b"a" * 64 + b"\nsize 1\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"A" * 64 + b"\nsize 1\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize -1\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1\n" + b"x" * 1024,
    ],
)
def test_anything_else_is_no_pointer(data: bytes) -> None:
    assert decode_pointer(data) is None
