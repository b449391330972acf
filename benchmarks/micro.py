"""The store's single steps, in MB/s of sound: ``python -m benchmarks.micro``.

Cut, hash, encode and decode run on one thread, as they do inside a commit on each of several, and count seconds of
processor time, which other programs disturb little; adding and reading a file use all of the store's threads and
count seconds by the clock. The best of several passes counts.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from beatflow.objects import codec, prediction, predictioncodec
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.reach import Reach
from beatflow.objects.split import Piece
from beatflow.objects.store import AudioStore
from benchmarks.history import mix_down
from benchmarks.kinds import cut
from benchmarks.material import RATE, load
from benchmarks.pcm import to_integers, wav_bytes
from benchmarks.process import folder_bytes
from benchmarks.table import format_table, replace_part
from benchmarks.workload import add_options

HEAD = ("step", "MB/s", "stored, %")
_PASSES = 3
_LOOK_UPS = 2000


class Row(NamedTuple):
    """A step, its speed, and what it leaves of the bytes where it makes them fewer."""

    step: str
    speed: str
    share: str = ""


def best_s(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds of the quickest pass."""
    return min(_time(work, clock) for _ in range(_PASSES))


def cut_rows(data: bytes) -> list[Row]:
    """Finding the PCM and cutting it, and hashing."""
    return [
        Row("cut", _speed(len(data), best_s(lambda: cut(data)))),
        Row("SHA-256", _speed(len(data), best_s(lambda: sha256(data)))),
    ]


def codec_rows(name: str, found: Sequence[Piece]) -> list[Row]:
    """Encoding chunks (which decodes and compares as well) and decoding them."""
    size = sum(len(piece.data) for piece in found)
    made = [codec.encode(piece.data, piece.layout) for piece in found]
    lengths = [len(piece.data) for piece in found]

    def encode() -> None:
        for piece in found:
            codec.encode(piece.data, piece.layout)

    def decode() -> None:
        for item, length in zip(made, lengths, strict=True):
            codec.decode(item.codec, item.parameters, item.payload, length)

    share = sum(len(item.payload) for item in made) / size
    names = "/".join(sorted({item.codec.name for item in made}))
    return [
        Row(f"encode {name} ({names})", _speed(size, best_s(encode)), f"{100 * share:.1f}"),
        Row(f"decode {name}", _speed(size, best_s(decode))),
    ]


def prediction_rows(found: Sequence[Piece]) -> list[Row]:
    """Coding each chunk, 3 dB lower, as what the old one does not foretell, with the weight known, and decoding it."""
    layout = Layout(SampleFormat.S16LE, 2)
    chunks = [piece.data for piece in found if piece.layout and piece.layout.format is layout.format]
    size = sum(map(len, chunks))
    weight = round(prediction.ONE * 10 ** (-3 / 20))
    lower = [
        to_integers(np.frombuffer(data, "<i2") * 10 ** (-3 / 20)).astype("<i2").tobytes() for data in chunks
    ]
    proposals = [_propose(data, layout, weight) for data in chunks]
    made = [predictioncodec.encode(new, layout, item) for new, item in zip(lower, proposals, strict=True)]
    fetches = [{ChunkRef(sha256(data), len(data)): data}.__getitem__ for data in chunks]

    def encode() -> None:
        for new, item in zip(lower, proposals, strict=True):
            predictioncodec.encode(new, layout, item)

    def decode() -> None:
        for item, fetch, data in zip(made, fetches, chunks, strict=True):
            predictioncodec.decode(item.parameters, item.payload, len(data), fetch)

    share = sum(len(item.payload) for item in made) / size
    return [
        Row("encode predicted", _speed(size, best_s(encode)), f"{100 * share:.1f}"),
        Row("decode predicted", _speed(size, best_s(decode))),
    ]


def _propose(data: bytes, layout: Layout, weight: int) -> prediction.Proposal:
    ref = ChunkRef(sha256(data), len(data))
    terms = tuple(prediction.Term(0, channel, 0, channel, 0, weight, 0) for channel in range(layout.channels))
    frames = len(data) // layout.frame_bytes
    source = prediction.Source(layout, (ref,), 0)
    guess = prediction.Prediction((source,), (frames,), terms)
    return prediction.Proposal(guess, ((data,),), Reach(1, 2))


def store_rows(data: bytes, folder: Path) -> list[Row]:
    """A whole file: added, added again, read, and looked up."""
    path = folder / "sound.wav"
    path.write_bytes(data)
    seconds = []
    for number in range(_PASSES):
        store = AudioStore.create(folder / f"store{number}")
        seconds.append(_time(lambda store=store: _add(store, path), time.perf_counter))
    again_s = best_s(lambda: _add(store, path), time.perf_counter)
    oid = next(store.oids())

    def read() -> None:
        for _ in store.iter_bytes(oid):
            pass

    stored = folder_bytes(store.path / "packs")
    look_up_s = best_s(lambda: [oid in store for _ in range(_LOOK_UPS)]) / _LOOK_UPS
    return [
        Row("add a file", _speed(len(data), min(seconds)), f"{100 * stored / len(data):.1f}"),
        Row("add it again", _speed(len(data), again_s)),
        Row("read a file", _speed(len(data), best_s(read, time.perf_counter))),
        Row("look up an oid", f"{1e6 * look_up_s:.1f} µs each"),
    ]


def _add(store: AudioStore, path: Path) -> None:
    with store.batch() as batch:
        batch.add_path(path)
        batch.publish()


def _time(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


def _speed(size: int, seconds: float) -> str:
    return f"{size / seconds / 1e6:.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the audio store's single steps.")
    add_options(parser)
    parser.set_defaults(seconds=30.0)
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    stems = load(options.source, options.seconds, options.seed).stems
    mix = mix_down(stems, dict.fromkeys(stems, -1.0))
    data = wav_bytes(to_integers(mix), RATE)
    files = {
        "16 bits": data,
        "24 bits": wav_bytes(to_integers(mix * 256, 24), RATE, 24),
        "float": wav_bytes((mix / 32768).astype(np.float32), RATE),
        "float that is integer": wav_bytes((to_integers(mix) / 32768).astype(np.float32), RATE),
    }
    rows = cut_rows(data)
    for name, content in files.items():
        rows += codec_rows(name, cut(content))
    rows += prediction_rows(cut(data))
    with tempfile.TemporaryDirectory() as folder:
        rows += store_rows(data, Path(folder))
    text = f"Sound: a mix from {options.source}, {len(data) / 1e6:.1f} MB; {os.cpu_count()} processors.\n\n"
    text += format_table(HEAD, rows)
    print(text)
    if options.update:
        replace_part(options.update, "micro", text)


if __name__ == "__main__":
    main()
