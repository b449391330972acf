"""The door between merging and splicing: what surrounds the samples, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest

from beatflow.merge.soundmerge import Refusal, SplicedSound, splice_sounds
from tests.forks import new, put, take, wav

OLD = take(1)
ONE, TWO = put(OLD, 0.25, new(2)), put(OLD, 1.0, new(3))
TAG = b"LIST\x10\0\0\0INFOINAM\4\0\0\0bass"


def splice(base: bytes, ours: bytes, theirs: bytes, target: Path) -> SplicedSound | Refusal:
    files = {"base": base, "ours": ours, "theirs": theirs}
    return splice_sounds(
        {name: lambda data=data: io.BytesIO(data) for name, data in files.items()},  # type: ignore[misc]
        target,
    )


@pytest.mark.parametrize("mine", [False, True])
def test_header_and_tags_come_from_who_changed_them(tmp_path: Path, mine: bool) -> None:
    tags = (TAG, b"") if mine else (b"", TAG)
    done = splice(wav(OLD), wav(ONE) + tags[0], wav(TWO) + tags[1], tmp_path / "a")
    assert isinstance(done, SplicedSound)
    assert (tmp_path / "a").read_bytes() == wav(put(ONE, 1.0, new(3))) + TAG


@pytest.mark.parametrize(
    ("ours", "reason"),
    [
        (wav(ONE, 16000), "ours 16000 Hz, theirs 8000 Hz, base 8000 Hz"),
        (wav(ONE[:, :1]), "ours mono, theirs stereo, base stereo"),
        (b"RIFF", "ours breaks off inside its WAV header, after 4 bytes"),
        (b"ID3 no plain samples", "ours holds no plain samples"),
    ],
)
def test_what_cannot_be_put_together(tmp_path: Path, ours: bytes, reason: str) -> None:
    done = splice(wav(OLD), ours, wav(TWO), tmp_path / "a")
    assert isinstance(done, Refusal)
    assert done.reason == reason
    assert not (tmp_path / "a").exists()


def test_what_moved_along_says_where_it_was(tmp_path: Path) -> None:
    longer = wav(np.concatenate([OLD[:4000], new(4), OLD[4000:]]))
    done = splice(wav(OLD), longer, wav(TWO), tmp_path / "a")
    assert isinstance(done, SplicedSound)
    assert done.to_json() == [
        {"from": "ours", "start_frame": 4000, "frames": 2000},
        {"from": "theirs", "start_frame": 10000, "frames": 2000, "source_frame": 8000},
    ]
