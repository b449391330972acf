"""What kind of file is this: sound or other binary for the audio store, or something small that git keeps itself.

Decides from the first bytes and the size alone, so that the same file is always kept the same way.
"""

from beatflow.objects.pointer import MAX_SIZE, decode_pointer

HEAD_BYTES = 8192
"""How much of a file's start the decision needs."""

MAX_BINARY = 256 * 1024
"""Binary files above this many bytes go to the audio store."""

MAX_TEXT = 16 * 1024 * 1024
"""So does text above this: git keeps a blob in memory as a whole."""

_MAGIC = (
    (0, b"fLaC"), (0, b"OggS"), (0, b"ID3"), (0, b"caff"), (0, b".snd"), (0, b"wvpk"), (0, b"MAC "),
    (0, b"riff\x2e\x91\xcf\x11"), (4, b"ftypM4A"), (4, b"ftypmp4"), (4, b"ftypisom"),
)  # fmt: skip
_FORMS = ((b"RIFF", b"WAVE"), (b"RF64", b"WAVE"), (b"BW64", b"WAVE"), (b"FORM", b"AIFF"), (b"FORM", b"AIFC"))


def is_sound(head: bytes) -> bool:
    """Say whether a file that starts with these bytes is a sound file, by its magic."""
    if any(head[:4] == form and head[8:12] == kind for form, kind in _FORMS):
        return True
    if any(head[at : at + len(magic)] == magic for at, magic in _MAGIC):
        return True
    return _is_mpeg(head)


def is_kept_as_audio(head: bytes, size: int, is_lfs: bool = False) -> bool:
    """Say whether a file belongs in the audio store (a pointer in the tree) rather than in a git blob.

    Parameters
    ----------
    head : bytes
        The first ``HEAD_BYTES`` of the file.
    size : int
        Its size in bytes.
    is_lfs : bool
        The track's own ``.gitattributes`` give it to git-lfs.
    """
    if size == 0:
        return False
    if is_lfs or is_sound(head) or size > MAX_TEXT:
        return True
    if size > MAX_BINARY and b"\0" in head:
        return True
    # A file that happens to be a pointer must not be taken for one when it is read back.
    return size < MAX_SIZE and decode_pointer(head) is not None


def _is_mpeg(head: bytes) -> bool:
    """Find two MPEG-1/2 layer III frame headers in a row: a bare MP3 has no other magic."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return False
    version, rate, bits = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate == 3 or bits in (0, 15):
        return False
    kbits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    kbits_low = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    hz = (44100, 48000, 32000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bit_rate = (kbits if version == 3 else kbits_low)[bits] * 1000
    length = (144 if version == 3 else 72) * bit_rate // hz + (head[2] >> 1 & 1)
    return len(head) <= length + 1 or (head[length] == 0xFF and head[length + 1] & 0xE6 == 0xE2)
