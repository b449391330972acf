"""What a file that is no sound looks like, so that the message can say so.

Knows magic numbers and nothing else; opens nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Looks:
    """What the bytes are, as it reads in a sentence after "is", and what to do about it."""

    what: str
    hint: str


READABLE = "bf reads WAV, AIFF, FLAC, MP3, OGG and Opus"
"""What to say of a file that is something else."""
AGAIN = "bounce it or download it again"
"""What to say of a file that is broken."""
REPAIR = (
    "bounce it again, or make them silence: ffmpeg -i FILE -af "
    "\"aeval='if(isnan(val(ch))+isinf(val(ch)),0,val(ch))':c=same\" -c:a pcm_f32le FIXED.wav"
)
"""What to say of samples that are NaN or infinite."""

_CONVERT = "convert it first: ffmpeg -i FILE FILE.wav"
# Offset, magic, what it is. Order matters where one magic is part of another.
_MAGICS: tuple[tuple[int, bytes, Looks], ...] = (
    (0, b"version https://git-lfs", Looks("a Git LFS pointer", "fetch the file itself first: git lfs pull")),
    (4, b"ftyp", Looks("MPEG-4 (M4A, AAC, ALAC or video)", _CONVERT)),
    (0, b"\xff\xf1", Looks("raw AAC", _CONVERT)),
    (0, b"\xff\xf9", Looks("raw AAC", _CONVERT)),
    (0, b"\x30\x26\xb2\x75", Looks("Windows Media", _CONVERT)),
    (0, b"wvpk", Looks("WavPack", _CONVERT)),
    (0, b"MAC ", Looks("Monkey's Audio", _CONVERT)),
    (0, b"\x1a\x45\xdf\xa3", Looks("Matroska or WebM", _CONVERT)),
    (0, b"MThd", Looks("MIDI (notes)", "play it to a file first: fluidsynth -F FILE.wav SOUNDFONT.sf2 FILE.mid")),
    (0, b"\x89PNG", Looks("a PNG picture", READABLE)),
    (0, b"\xff\xd8\xff", Looks("a JPEG picture", READABLE)),
    (0, b"GIF8", Looks("a GIF picture", READABLE)),
    (0, b"%PDF", Looks("a PDF document", READABLE)),
    (0, b"PK\x03\x04", Looks("a ZIP archive (or a project file packed as one)", "unpack it, or bounce the project")),
    (0, b"\x1f\x8b", Looks("gzip-compressed", "unpack it first: gunzip -k FILE.gz")),
    (0, b"\x7fELF", Looks("a program", READABLE)),
    (0, b"SQLite format 3", Looks("a database", READABLE)),
)  # fmt: skip


def describe_bytes(head: bytes) -> Looks | None:
    """Say what the first bytes of a file are when they are certainly no sound that can be read.

    Parameters
    ----------
    head : bytes
        Up to 512 bytes from the start.

    Returns
    -------
    Looks or None
        None when it may be sound, or when nothing can be said.
    """
    for offset, magic, looks in _MAGICS:
        if head[offset : offset + len(magic)] == magic:
            return looks
    if head.startswith((b"<!DOCTYPE", b"<html", b"<!doctype")):
        return Looks("a web page", "the download gave a page instead of the file: download it again")
    if not any(head):
        return Looks(f"nothing but zeros in its first {len(head)} bytes", AGAIN)
    if _is_text(head):
        return Looks("text", READABLE)
    return None


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters, a cut character at the end allowed. "fLaC" alone is not told from text."""
    if head[:4] in (b"fLaC", b"OggS", b"FORM", b"RIFF", b"RIFX", b"caff"):
        return False
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        head[: len(head) - 3 if len(head) == 512 else len(head)].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end >= len(head) - 3 and error.start > 0 and len(head) == 512
    return True
