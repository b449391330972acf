"""What is kept of a sound to find it again: an index card, some 250 bytes for each second, and one pass that makes it.

Cards are a cache: one that cannot be read is made again, and `VERSION` makes those of an older kind void.
"""

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from beatflow.finding.bands import measure_bands
from beatflow.finding.character import FIGURES, CharacterMeter, Windows
from beatflow.finding.landmarks import LandmarkFinder, Landmarks
from beatflow.finding.tune import Melogram, MelogramMeter
from beatflow.sound.audio import Audio

VERSION = 1
_MAGIC = b"BFCARD"
_HEAD = struct.Struct("<6sHI")
_LOUDEST = 255.0


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """What is kept of a sound.

    Parameters
    ----------
    duration_s : float
    landmarks : Landmarks
        For finding where it is used, or what it uses.
    melogram : Melogram
        For finding tunes in it.
    windows : Windows
        For finding what is like it.
    """

    duration_s: float
    landmarks: Landmarks
    melogram: Melogram
    windows: Windows

    def to_bytes(self) -> bytes:
        """Write it: a head, a line of JSON with the lengths of what follows, and the three parts, compressed."""
        parts = [
            zlib.compress(part, 6)
            for part in (
                self.landmarks.to_bytes(),
                np.rint(self.melogram * _LOUDEST).astype(np.uint8).tobytes(),
                self.windows.astype("<f2").tobytes(),
            )
        ]
        facts = json.dumps(
            {"duration_s": self.duration_s, "sizes": [len(part) for part in parts]}, sort_keys=True
        ).encode()
        body = facts + b"".join(parts)
        return _HEAD.pack(_MAGIC, VERSION, len(facts)) + body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Card":
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            It is none, or damaged, or of another version.
        """
        try:
            magic, version, length = _HEAD.unpack_from(data)
            body = data[_HEAD.size : -4]
            if (magic, version) != (_MAGIC, VERSION) or zlib.crc32(body) != struct.unpack("<I", data[-4:])[0]:
                raise ValueError("no card of this version")
            facts = json.loads(body[:length])
            parts, at = [], length
            for size in facts["sizes"]:
                parts.append(zlib.decompress(body[at : at + size]))
                at += size
            landmarks, melogram, windows = parts
            return cls(
                float(facts["duration_s"]),
                Landmarks.from_bytes(landmarks),
                np.frombuffer(melogram, np.uint8).reshape(-1, 12).astype(np.float32) / np.float32(_LOUDEST),
                np.frombuffer(windows, "<f2").reshape(-1, FIGURES).astype(np.float32),
            )
        except (struct.error, zlib.error, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no card: {error}") from None


def make_card(blocks: Iterable[Audio]) -> Card:
    """Listen to a sound that comes in blocks, in one pass and in memory that grows by some 250 bytes a second."""
    duration = [0.0]

    def counted() -> Iterable[Audio]:
        for block in blocks:
            duration[0] += block.duration_s
            yield block

    landmarks, melogram, character = LandmarkFinder(), MelogramMeter(), CharacterMeter()
    for bands in measure_bands(counted()):
        landmarks.add(bands)
        melogram.add(bands)
        character.add(bands)
    return Card(round(duration[0], 6), landmarks.result(), melogram.result(), character.result())
