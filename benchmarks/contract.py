"""How often engines keep their contract, and how often a wrong claim is believed.

Three questions: what `synth` promises by construction, does measuring bear it out, genre by genre; what a crooked band
(`benchmarks.crooked`) gets wrong, is it put right; and are claims refused that are not true. From the repository:

    python -m benchmarks.contract --synth 3 --crooked 20 --truth 40 -o docs/contract.md
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beatflow.ai.engine import Brief
from beatflow.ai.synth.engine import SynthEngine
from beatflow.ai.table import Choice
from beatflow.contract.judging import judge
from beatflow.contract.measuring import Measurement, measure
from beatflow.contract.terms import HELD, MISSED, UNCLEAR, Promise, make_terms
from beatflow.errors import ContractError
from beatflow.making.production import compose
from beatflow.making.request import Request
from beatflow.making.structure import bars_to_seconds
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio
from beatflow.sound.tonality import NOTE_NAMES, parse_key
from benchmarks.crooked import CrookedBand, Faults
from benchmarks.table import format_table, replace_part

VERDICTS = (HELD, UNCLEAR, MISSED)
WRONG_TEMPI = {"1 % off": 1.01, "3 % off": 1.03, "7 % off": 0.93, "15 % off": 1.15, "22 % off": 0.78}
KEYS = [f"{name}:{mode}" for mode in ("maj", "min") for name in NOTE_NAMES]
FAULTS = {
    "nothing": Faults(),
    "tempo up to 4 % off": Faults(tempo=0.04),
    "tempo up to 9 % off": Faults(tempo=0.09),
    "two semitones too high": Faults(semitones=2),
    "late downbeat, ragged end": Faults(late_s=0.37),
    "20 dB too quiet": Faults(gain=0.05),
    "all of these": Faults(tempo=0.06, semitones=2, late_s=0.37, gain=0.05),
    "noise in half of the tries": Faults(wrong=0.5),
    "tempo that grows by 8 %": Faults(drift=0.08),
    "tempo that slows by 5 %": Faults(drift=-0.05),
    "noise": Faults(wrong=1.0),
}


@dataclass
class Tally:
    """Verdicts by what was claimed."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, what: str, verdict: str) -> None:
        """Count one."""
        self.counts.setdefault(what, Counter())[verdict] += 1

    def rows(self) -> list[list[str]]:
        """A row for each claim: how many, and the share of each verdict."""
        found = []
        for what, counts in self.counts.items():
            total = sum(counts.values())
            shares = [f"{counts[verdict] / total:.3f}".lstrip("0") or "0" for verdict in VERDICTS]
            found.append([what, str(total), *("1" if share == "1.000" else share for share in shares)])
        return found


def pick(promises: Sequence[Promise], term: str) -> str:
    """The verdict of a term."""
    return next(promise.verdict for promise in promises if promise.term == term)


def claim(tally: Tally, audio: Audio, measured: Measurement, tempo: float | None, key: str | None) -> None:
    """Test true and wrong claims of a sound of which the truth is known."""
    if tempo is not None:
        tally.add("tempo: right", pick(judge(make_terms({"tempo": tempo}, None), measured), "tempo"))
        for what, factor in WRONG_TEMPI.items():
            wrong = tempo * factor
            if 40 <= wrong <= 220:
                found = judge(make_terms({"tempo": wrong}, None), measure(audio, wrong))
                tally.add(f"tempo: {what}", pick(found, "tempo"))
    if key is None:
        return
    for other in KEYS:
        found = judge(make_terms({"key": other}, None), measured)
        tally.add(f"key: {relate(key, other)}", pick(found, "key"))


def relate(key: str, other: str) -> str:
    """What another key is of a key."""
    one, two = parse_key(key), parse_key(other)
    steps = (two.tonic - one.tonic) % 12
    if one.mode == two.mode:
        return {0: "right", 7: "a fifth away", 5: "a fifth away"}.get(steps, "unrelated")
    relative = 9 if one.mode == "maj" else 3
    return {0: "parallel", relative: "relative"}.get(steps, "unrelated")


def run_synth(per_genre: int, wrong: Tally) -> tuple[str, Tally]:
    """Every genre in tempi, keys and meters drawn at random: do the sounds bear out what was asked?"""
    from beatflow.ai.synth.genres import GENRES

    engine, all_of = SynthEngine(), Tally()
    rows = []
    for genre in GENRES:
        own: dict[str, Counter[str]] = {}
        for number in range(per_genre):
            rng = random.Random(f"{genre} {number}")
            tempo, key = round(rng.uniform(60, 180), 1), rng.choice(KEYS)
            meter = rng.choice(("4/4", "4/4", "3/4", "6/8"))
            bars = max(4, round(16 / bars_to_seconds(1, tempo, meter) / 2) * 2)
            brief = Brief(genre, number, tempo, key, bars, None, meter, loudness_lufs=-14.0)
            made = engine.generate(brief)
            asked = {
                "tempo": tempo, "key": key, "meter": meter, "bars": bars, "loop": True, "loudness_lufs": -14.0,
            }  # fmt: skip
            measured = measure(made.mix, tempo, True)
            for promise in judge(make_terms(asked, meter), measured):
                own.setdefault(promise.term, Counter())[promise.verdict] += 1
                all_of.add(promise.term, promise.verdict)
            if number == 0:
                claim(wrong, made.mix, measured, tempo, key)
        cells = [
            "/".join(str(own[term][verdict]) for verdict in VERDICTS)
            for term in ("tempo", "key", "meter", "bars", "loop", "loudness_lufs", "true_peak_dbtp")
        ]
        rows.append([genre, *cells])
        print(rows[-1], flush=True)
    head = ["genre", "tempo", "key", "meter", "bars", "loop", "loudness", "true peak"]
    return format_table(head, rows), all_of


def run_crooked(count: int) -> str:
    """Takes of the crooked band, with one try and with three."""
    rows = []
    for what, faults in FAULTS.items():
        kept: Counter[int] = Counter()
        for number in range(count):
            rng = random.Random(f"crooked {number}")
            for tries in (1, 3):
                request = Request(
                    "a band", number, tempo=round(rng.uniform(70, 160), 1), key=rng.choice(KEYS),
                    bars=rng.choice((4, 8)), loop=True, loudness_lufs=-14.0, tries=tries,
                )  # fmt: skip
                try:
                    compose(Choice(CrookedBand(faults, stems=number % 2 == 0), "benchmark"), request)
                    kept[tries] += 1
                except ContractError:
                    pass
        rows.append([what, str(count), *(f"{kept[tries] / count:.2f}" for tries in (1, 3))])
        print(rows[-1], flush=True)
    return format_table(["the band's fault", "takes", "kept in one try", "in three"], rows)


def run_truth(most: int, collections: Sequence[str]) -> Tally:
    """Sounds that nobody made for this, with known tempo and key."""
    from benchmarks.collection import items

    tally = Tally()
    for collection in collections:
        found = [item for item in items(collection) if Path(item.path).is_file()]
        random.Random(1).shuffle(found)
        for item in found[:most]:
            tempo = item.tempo
            if tempo is not None and item.meter == "6/8":
                tempo *= 1.5
            if tempo is not None and not 40 <= tempo <= 220:
                continue
            audio = read_audio(Path(item.path), frames=60 * 48_000)
            claim(tally, audio, measure(audio, tempo), tempo, item.key)
        print(collection, tally.rows(), flush=True)
    return tally


def write(page: Path | None, name: str, table: str) -> None:
    """Print a table, and put it into its place."""
    print(f"{name}\n{table}")
    if page:
        replace_part(page, name, table)


def claims_head() -> Iterator[str]:
    """The columns of a tally."""
    yield from ("claim", "claims", *VERDICTS)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--synth", type=int, default=0, metavar="N", help="pieces for each genre")
    parser.add_argument("--crooked", type=int, default=0, metavar="N", help="takes for each fault")
    parser.add_argument("--truth", type=int, default=0, metavar="N", help="sounds of each collection")
    parser.add_argument("--collections", default="loops,tunes,grooves-b")
    parser.add_argument("-o", type=Path, help="a page with places for the tables")
    wanted = parser.parse_args()
    head = list(claims_head())
    if wanted.crooked:
        write(wanted.o, "crooked", run_crooked(wanted.crooked))
    if wanted.synth:
        wrong = Tally()
        table, all_of = run_synth(wanted.synth, wrong)
        write(wanted.o, "synth", table)
        write(wanted.o, "synth terms", format_table(["term", "pieces", *VERDICTS], all_of.rows()))
        write(wanted.o, "synth claims", format_table(head, wrong.rows()))
    if wanted.truth:
        found = run_truth(wanted.truth, wanted.collections.split(","))
        write(wanted.o, "claims", format_table(head, found.rows()))


if __name__ == "__main__":
    main()
