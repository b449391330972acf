"""Tags of FLAC files: Vorbis comments in a metadata block (RFC 9639). Pictures and all else stay, samples too."""

import shutil
import struct
from typing import BinaryIO

from beatflow.daw.tagging.comments import merge_comments
from beatflow.daw.tagging.tags import Tags
from beatflow.errors import AudioError

_COMMENT, _PADDING = 4, 1
_MAX_BLOCK = (1 << 24) - 1


def write_tagged(source: BinaryIO, dest: BinaryIO, tags: Tags, sample_rate: int) -> None:
    """Copy a FLAC file with comments put in; those of the same names are replaced.

    Raises
    ------
    AudioError
        It breaks off inside its metadata.
    """
    source.seek(0)
    if source.read(4) != b"fLaC":
        raise AudioError("no FLAC file: it does not begin as one")
    blocks: list[tuple[int, bytes]] = []
    former, last = b"", False
    while not last:
        head = source.read(4)
        size = int.from_bytes(head[1:], "big")
        body = source.read(size)
        if len(head) < 4 or len(body) < size:
            raise AudioError("the FLAC file breaks off inside its metadata")
        kind, last = head[0] & 0x7F, bool(head[0] & 0x80)
        if kind == _COMMENT:
            former = former or body
        elif kind != _PADDING:
            blocks.append((kind, body))
    comment = merge_comments(former, tags, sample_rate)
    if len(comment) > _MAX_BLOCK:
        comment = merge_comments(b"", tags, sample_rate)
    # The first block must be the description of the stream.
    blocks.insert(1, (_COMMENT, comment))
    dest.write(b"fLaC")
    for number, (kind, body) in enumerate(blocks):
        flag = 0x80 if number + 1 == len(blocks) else 0
        dest.write(struct.pack(">B", kind | flag) + len(body).to_bytes(3, "big") + body)
    shutil.copyfileobj(source, dest, 1 << 20)
