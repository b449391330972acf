"""Whether stems sum to their mix: the proof, read from the files in one pass and constant memory.

Two sums can be what a mix is made of: the plain one of its stems, and the one through the faders of ``track.toml`` as
`beatflow.sound.mix` renders it. Believes no record; knows no engine and changes nothing.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Samples
from beatflow.sound.exact import BITS
from beatflow.sound.fader import Fader
from beatflow.sound.files import AudioReader, check_finite
from beatflow.sound.mix import Mix
from beatflow.track import TRACK_FILE, Track, parse_track
from beatflow.wording import plural

Progress = Callable[[float, str], None]
_BLOCK_FRAMES = 65_536
_EXACT_BITS = 24
_HALF_ULP = 2.0**-24
_WORST_DB = 200.0
_UNSURE = ("MP3", "OGG")


def _tell_nobody(fraction: float, what: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class SumProof:
    """Whether a mix is the sum of its stems, and how far it is from it.

    Parameters
    ----------
    mix : str
    stems : tuple of str
    held : bool
    promise : str
        What was demanded: ``exact`` (integers, sample for sample), ``rounded`` (integer stems that are finer than the
        mix: within half a step of the mix) or ``float`` (within half a unit in the last place of every value that
        went into the sum, the mix's own included).
    faders : bool
        The sum is the one through the faders of ``track.toml``.
    sample_rate, channels, frames, subtype
        Of the mix.
    reasons : tuple of str
        What makes a sum impossible: other rates, channels, lengths. Empty where the samples were compared.
    differing_samples : int
        Beyond what was demanded.
    first_frame, first_channel : int or None
        Where the first of them is, counted from 0.
    first_difference : float or None
        Mix less sum there, in full scales.
    largest_difference : float or None
        Of any sample, in full scales.
    step : float or None
        One step of the mix's integers, in full scales.
    null_depth_db : float or None
        Energy that the sum leaves of the mix, relative to the mix; None where nothing at all is left.
    clipped_samples : int
        Where the faders took the sum beyond the range, and the mix holds the edge.
    """

    mix: str
    stems: tuple[str, ...]
    held: bool
    promise: str
    faders: bool
    sample_rate: int
    channels: int
    frames: int
    subtype: str
    reasons: tuple[str, ...] = ()
    differing_samples: int = 0
    first_frame: int | None = None
    first_channel: int | None = None
    first_difference: float | None = None
    largest_difference: float | None = None
    step: float | None = None
    null_depth_db: float | None = None
    clipped_samples: int = 0


def verify_sum(
    mix: Path,
    stems: Sequence[Path],
    name: str | None = None,
    names: Sequence[str] | None = None,
    progress: Progress = _tell_nobody,
) -> SumProof:
    """Prove that a mix is the sum of stems, or say where it is not.

    Parameters
    ----------
    mix : Path
    stems : sequence of Path
    name, names : str and sequence of str, optional
        What to call them.
    progress : callable

    Raises
    ------
    UsageError
        There are no stems.
    AudioError
        A file is not there, cannot be decoded, or holds samples that are not numbers.
    """
    if not stems:
        raise UsageError(f"no stems to sum to {name or mix}", hint="bf verify --sum MIX STEM...")
    called = list(names or [str(stem) for stem in stems])
    with ExitStack() as stack:
        reader = stack.enter_context(AudioReader(mix, name or str(mix)))
        readers = [
            stack.enter_context(AudioReader(stem, one)) for stem, one in zip(stems, called, strict=True)
        ]
        reasons = _find_misfits(reader, readers)
        if reasons:
            return _summarize(reader, readers, _Tally(_demand(reader, readers)), reasons)
        tally, short = _Tally(_demand(reader, readers)), dict[str, int]()
        for block in _iter_samples(reader, progress):
            parts = [_read_like(one, block, tally.frames, short) for one in readers]
            total = np.zeros(block.shape)
            weight = np.abs(block).astype(np.float64)
            for part in parts:
                total += part
                weight += np.abs(part)
            tally.add(block, total, weight)
        reasons = [
            f"{stem} is {plural(missing, 'frame')} shorter than the mix" for stem, missing in short.items()
        ]
        reasons += [f"{one.name} is longer than the mix" for one in readers if one.read(1).frames]
        return _summarize(reader, readers, tally, reasons)


def verify_track_sum(root: Path, progress: Progress = _tell_nobody) -> SumProof:
    """Prove that a track's mix is the sum of the stems that ``track.toml`` names, each for as long as it is.

    With faders that are not all at zero, the sum is the one that they make; where the mix is the plain sum all the
    same, that is told as what is wrong.

    Raises
    ------
    UsageError
        There is no ``track.toml``, or it names no stems.
    AudioError
        As for `verify_sum`.
    """
    track = _read_track(root)
    files = [root / stem.file for stem in track.stems.values()]
    names = [stem.file for stem in track.stems.values()]
    if not track.is_faded:
        plain = verify_sum(root / track.mix_file, files, track.mix_file, names, progress)
        if plain.held or not plain.reasons:
            return plain
        # Stems of other lengths, or mono ones in a stereo mix, are no sum sample by sample; a mix they make.
        made = _verify_faders(root, track, progress)
        if made.reasons:
            return plain
        made = replace(made, faders=False)
        clipped = plural(made.clipped_samples, "sample")
        return _refuse(made, f"{clipped} clipped where it is mixed") if made.clipped_samples else made
    proof = _verify_faders(root, track, progress)
    if proof.held:
        return proof
    plain = verify_sum(root / track.mix_file, files, track.mix_file, names, progress)
    if not plain.held:
        return proof
    reason = f"it is the plain sum, but the faders of {TRACK_FILE} are not at zero"
    return _refuse(proof, f"{reason}: set them to zero, or render the mix again")


def to_document(proof: SumProof) -> dict[str, Any]:
    """The proof for ``--json`` (schema ``beatflow.sum/1``)."""
    return asdict(proof)


@dataclass(frozen=True, slots=True)
class _Demand:
    """What a sum is held to: its name, one step of the mix where it has steps, and the factor of what is added up."""

    promise: str
    step: float | None
    allowed: float
    relative: float


def _demand(mix: AudioReader, stems: Sequence[AudioReader]) -> _Demand:
    """Integers that are no finer than the mix add up to it exactly; everything else was rounded somewhere."""
    bits = BITS.get(mix.info.subtype)
    depths = [BITS.get(stem.info.subtype) for stem in stems]
    step = 2.0 ** (1 - bits) if bits else None
    known = [depth for depth in depths if depth is not None and depth <= _EXACT_BITS]
    if bits is None or bits > _EXACT_BITS or len(known) < len(depths):
        # Float stems of an integer mix: the mix was rounded to its own steps on top of their rounding.
        coarse = step / 2 if step and bits is not None and bits <= _EXACT_BITS else 0.0
        return _Demand("float", step, coarse, _HALF_ULP)
    assert step is not None
    if max(known) > bits:
        return _Demand("rounded", step, step / 2, 0.0)
    return _Demand("exact", step, 0.0, 0.0)


@dataclass(slots=True)
class _Tally:
    """What the blocks so far came to."""

    demand: _Demand
    frames: int = 0
    differing: int = 0
    first: tuple[int, int, float] | None = None
    largest: float = 0.0
    left: float = 0.0
    energy: float = 0.0
    clipped: int = 0

    def add(self, mix: Samples, total: NDArray[np.float64], weight: NDArray[np.float64] | None) -> None:
        """Take in a block of the mix, of the sum, and of the magnitudes that went into both."""
        difference = mix - total
        size = np.abs(difference)
        allowed = self.demand.allowed + (0.0 if weight is None else weight * self.demand.relative)
        wrong = size > allowed
        if self.first is None and wrong.any():
            frame, channel = (int(index) for index in np.argwhere(wrong)[0])
            self.first = self.frames + frame, channel, float(difference[frame, channel])
        self.differing += int(np.count_nonzero(wrong))
        self.largest = max(self.largest, float(size.max(initial=0.0)))
        self.left += float(np.vdot(difference, difference))
        self.energy += float(np.sum(np.square(mix, dtype=np.float64)))
        self.frames += len(mix)


def _verify_faders(root: Path, track: Track, progress: Progress) -> SumProof:
    """The sum through the faders, as a mix is rendered: with its rounding and its edges."""
    with ExitStack() as stack:
        reader = stack.enter_context(AudioReader(root / track.mix_file, track.mix_file))
        readers = {
            name: stack.enter_context(AudioReader(root / stem.file, stem.file))
            for name, stem in track.stems.items()
        }
        stems = list(readers.values())
        bits = BITS.get(reader.info.subtype)
        exact = bits is not None and bits <= _EXACT_BITS
        step = 2.0 ** (1 - bits) if bits else None
        demand = _Demand("exact", step, 0.0, 0.0) if exact else _Demand("float", step, 0.0, _HALF_ULP)
        tally = _Tally(demand)
        faders = {
            name: Fader(stem.gain_db, stem.pan, stem.mute, stem.solo, stem.offset)
            for name, stem in track.stems.items()
        }
        try:
            rendered = Mix(
                {name: one.blocks(_BLOCK_FRAMES) for name, one in readers.items()},
                faders,
                reader.info.subtype if exact else "FLOAT",
                track.master_db,
            )
        except AudioError as error:
            return _summarize(reader, stems, tally, [error.message], faders=True)
        reasons = []
        if (rendered.sample_rate, rendered.channels) != (reader.info.sample_rate, reader.info.channels):
            reasons.append(
                f"the stems make {plural(rendered.channels, 'channel')} at {rendered.sample_rate} Hz"
            )
            return _summarize(reader, stems, tally, reasons, faders=True)
        frames = 0
        for block in rendered:
            frames += block.frames
            beside = reader.read(block.frames)
            check_finite(beside, reader.name, tally.frames)
            if beside.frames:
                part = block.samples[: beside.frames].astype(np.float64)
                tally.add(beside.samples, part, np.abs(part) + np.abs(beside.samples))
            progress(min(1.0, tally.frames / max(1, reader.info.frames)), "summing")
        if frames != reader.info.frames:
            reasons.append(f"the stems make {plural(frames, 'frame')}, the mix has {reader.info.frames}")
        tally.clipped = rendered.clipped
        return _summarize(reader, stems, tally, reasons, faders=True)


def _find_misfits(mix: AudioReader, stems: Sequence[AudioReader]) -> list[str]:
    """Why stems cannot sum to a mix, each in words that name the file."""
    reasons = []
    if not mix.info.frames:
        reasons.append(f"{mix.name} holds no samples")
    for stem in stems:
        info = stem.info
        if info.sample_rate != mix.info.sample_rate:
            reasons.append(f"{stem.name} is at {info.sample_rate} Hz, the mix at {mix.info.sample_rate} Hz")
        if info.channels != mix.info.channels:
            reasons.append(f"{stem.name} has {plural(info.channels, 'channel')}, the mix {mix.info.channels}")
        # A lossy file that was cut short does not know it: how long it is turns out when it is decoded.
        missing = 0 if mix.info.format in _UNSURE else mix.info.frames - info.frames
        if missing and info.sample_rate == mix.info.sample_rate:
            word = "shorter" if missing > 0 else "longer"
            reasons.append(f"{stem.name} is {plural(abs(missing), 'frame')} {word} than the mix")
    return reasons


def _iter_samples(reader: AudioReader, progress: Progress) -> Iterator[Samples]:
    done = 0
    for block in reader.blocks(_BLOCK_FRAMES):
        check_finite(block, reader.name, done)
        done += block.frames
        progress(min(1.0, done / max(1, reader.info.frames)), "summing")
        yield block.samples


def _read_like(reader: AudioReader, block: Samples, start: int, short: dict[str, int]) -> Samples:
    """As many frames as the mix's block has; ``short`` counts those that a file lacks."""
    audio = reader.read(len(block))
    check_finite(audio, reader.name, start)
    if audio.frames == len(block):
        return audio.samples
    short[reader.name] = short.get(reader.name, 0) + len(block) - audio.frames
    return np.pad(audio.samples, ((0, len(block) - audio.frames), (0, 0)))


def _summarize(
    mix: AudioReader,
    stems: Sequence[AudioReader],
    tally: _Tally,
    reasons: Sequence[str] = (),
    faders: bool = False,
) -> SumProof:
    info, first = mix.info, tally.first
    frames = tally.frames if info.format in _UNSURE else info.frames
    short = frames - tally.frames
    if not reasons and short > 0:
        reasons = [f"{mix.name} ends {plural(short, 'frame')} before its header says"]
    return SumProof(
        mix=mix.name,
        stems=tuple(stem.name for stem in stems),
        held=not reasons and not tally.differing,
        promise=tally.demand.promise,
        faders=faders,
        sample_rate=info.sample_rate,
        channels=info.channels,
        frames=frames,
        subtype=info.subtype,
        reasons=tuple(reasons),
        differing_samples=tally.differing,
        first_frame=first[0] if first else None,
        first_channel=first[1] if first else None,
        first_difference=first[2] if first else None,
        largest_difference=tally.largest if tally.frames else None,
        step=tally.demand.step,
        null_depth_db=_measure_null(tally),
        clipped_samples=tally.clipped,
    )


def _measure_null(tally: _Tally) -> float | None:
    if not tally.left:
        return None
    if not tally.energy:
        return _WORST_DB
    return min(_WORST_DB, 10.0 * math.log10(tally.left / tally.energy))


def _refuse(proof: SumProof, reason: str) -> SumProof:
    return replace(proof, held=False, reasons=(*proof.reasons, reason))


def _read_track(root: Path) -> Track:
    path = root / TRACK_FILE
    if not path.is_file():
        raise UsageError(f"there is no {TRACK_FILE} in {root}", hint="bf verify --sum MIX STEM...")
    track = parse_track(path.read_bytes())
    if not track.stems:
        raise UsageError(f"{TRACK_FILE} names no stems", hint="bf verify --sum MIX STEM...")
    return track
