"""From what is asked for and what a sound is to what exactly is done to it. Joins figures, reads no sound."""

import math
from dataclasses import dataclass, replace

from beatflow.ai.engine import QUARTERS
from beatflow.contract.judging import KEY_FITS
from beatflow.contract.measuring import CONFIDENT
from beatflow.contract.terms import Terms, Value
from beatflow.errors import UsageError
from beatflow.making.request import draw_seed
from beatflow.remix.grid import lay_grid
from beatflow.remix.hearing import Heard, Known, Source
from beatflow.remix.plan import Groove, Plan
from beatflow.remix.request import FASTEST_RATIO, LOUDEST_LUFS, QUIETEST_LUFS, SLOWEST_RATIO, RemixRequest
from beatflow.remix.styles import LAYERED, REMOVED, Style, get_style
from beatflow.sound.effects.chain import Chain, parse_chain
from beatflow.sound.tonality import Key, parse_key

BEFORE_S, AFTER_S = 0.005, 0.05
"""What stays of the silence at both ends, so that attacks and tails stay whole."""
_MODES = {"maj": "major", "min": "minor"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, the terms that its result is held to, and what is worth telling.

    Parameters
    ----------
    plan : Plan
    terms : Terms
    source : Source
    tempo, key : float, str or None
        Of the result, as far as they are known.
    notes : tuple of str
        Lines for the user.
    fx : str
        The effects as they were asked for.
    """

    plan: Plan
    terms: Terms
    source: Source
    tempo: float | None
    key: str | None
    notes: tuple[str, ...]
    fx: str = ""


def needs_ears(request: RemixRequest, known: Known) -> bool:
    """Whether the sound has to be listened to before anything can be decided."""
    if request.genre:
        return True
    if request.key and not known.key:
        return True
    wants_tempo = (request.tempo and request.tempo.tempo) or (
        request.fx and parse_chain(request.fx).needs_tempo
    )
    return bool(wants_tempo) and not known.tempo


def draft(request: RemixRequest, heard: Heard, known: Known, name: str) -> Draft:
    """Decide what is done.

    Parameters
    ----------
    request : RemixRequest
    heard : Heard
    known : Known
        Goes before what is heard.
    name : str
        What to call the sound.

    Raises
    ------
    UsageError
        Its tempo or key is needed and not known, or what is asked for is too far away.
    """
    notes: list[str] = []
    start, frames = _find_stretch(request, heard)
    source = _find_source(request, heard, known)
    ratio, source = _find_ratio(request, heard, known, source, name, notes)
    semitones, reached = request.semitones, ""
    if request.key:
        shift, reached = _find_shift(request.key, source, heard, known, name, notes)
        semitones = float(shift)
    tempo = source.tempo / ratio if source.tempo else None
    if request.tempo and request.tempo.tempo:
        tempo = request.tempo.tempo
    key = _move_key(source.key, semitones) if semitones == round(semitones) else None
    key = reached if request.key else key
    chain = parse_chain(request.fx) if request.fx else None
    plan = Plan(
        start_frame=start,
        frames=frames,
        reverse=request.reverse,
        length_frames=max(1, math.floor(frames * ratio + 0.5)),
        semitones=semitones,
        formants=request.formants and bool(semitones),
        fx=str(chain) if chain else "",
        tail=request.tail,
        fade_in_s=request.fade_in_s,
        fade_out_s=request.fade_out_s,
        loudness_lufs=request.loudness_lufs,
    )
    if request.genre:
        style = get_style(request.genre)
        plan = replace(plan, groove=_find_groove(request, style, plan, heard, source, tempo, key, name))
        if tempo and plan.groove and plan.groove.bars:
            notes.append(_tell_feel(plan.groove, tempo))
    if plan.groove or (chain and chain.needs_tempo):
        plan = replace(plan, tempo=round(_count_at(tempo, chain, name), 6))
    terms = _make_terms(request, source, known, reached)
    return Draft(plan, terms, source, tempo, key, tuple(notes), chain.brief if chain else "")


def refine(found: Draft, tempo: float, asked: float) -> Draft:
    """The same with a stretch that is a little more or less, since what came out has another tempo than was asked."""
    length = math.floor(found.plan.length_frames * tempo / asked + 0.5)
    plan = replace(found.plan, length_frames=length)
    if plan.groove and plan.groove.bars:
        share = tempo / asked
        beats = tuple(round(beat * share, 5) for beat in plan.groove.beats)
        plan = replace(plan, groove=replace(plan.groove, offset_s=plan.groove.offset_s * share, beats=beats))
    return replace(found, plan=plan)


def _find_stretch(request: RemixRequest, heard: Heard) -> tuple[int, int]:
    """The first frame and how many of what is kept."""
    if not request.trim_silence:
        return 0, heard.frames
    first = max(0, heard.first - round(BEFORE_S * heard.sample_rate))
    end = min(heard.frames, heard.end + round(AFTER_S * heard.sample_rate))
    return first, end - first


def _find_source(request: RemixRequest, heard: Heard, known: Known) -> Source:
    measured = heard.measured
    found = measured.tempo if measured else None
    sure = bool(found and found.tempo and found.confidence >= CONFIDENT)
    tempo = known.tempo or (found.tempo if found and sure else None)
    key = known.key
    if key is None and measured and measured.key.confidence >= CONFIDENT:
        key = measured.key.key
    meter = known.meter if known.meter in QUARTERS else None
    if meter is None and found and found.meter in QUARTERS and found.downbeat_confidence >= CONFIDENT:
        meter = found.meter
    # What was told of a tempo says nothing of whether it wanders.
    steady = known.sure or found is None or not measured or not measured.wanders
    return Source(tempo, steady, known.sure, key, meter)


def _find_ratio(
    request: RemixRequest, heard: Heard, known: Known, source: Source, name: str, notes: list[str]
) -> tuple[float, Source]:
    """How many times as long the sound becomes, and its tempo as it is taken."""
    wish = request.tempo
    if wish is None:
        return 1.0, source
    if wish.tempo is None:
        return 1 / (wish.factor or 1.0), source
    if source.tempo is None:
        raise _explain_no_tempo(
            heard,
            name,
            ", so its tempo is not known",
            "--tempo +10% needs none; or tell it: --source-tempo 90",
        )
    own = source.tempo
    if not known.tempo and heard.measured:
        own = _nearest_relative(own, heard.measured.tempo.alternatives, wish.tempo)
        if own != source.tempo:
            notes.append(
                f"the tempo of {name} is taken as {own:.2f} BPM, not {source.tempo:.2f}; "
                f"--source-tempo {source.tempo:.2f} takes that"
            )
    factor = wish.tempo / own
    if not SLOWEST_RATIO - 1e-6 <= factor <= FASTEST_RATIO + 1e-6:
        low, high = own * SLOWEST_RATIO, own * FASTEST_RATIO
        raise UsageError(
            f"from {own:.2f} to {wish.tempo:g} BPM is too far: -50 % to +100 % can be done",
            hint=f"{low:.5g} to {high:.5g} BPM, or --source-tempo if it is not at {own:.2f}",
        )
    if not source.steady:
        notes.append(f"the tempo wanders around {own:.2f} BPM; it will around {wish.tempo:g}")
    return own / wish.tempo, replace(source, tempo=own)


def _nearest_relative(own: float, alternatives: tuple[float, ...], asked: float) -> float:
    """Half or double of a measured tempo, where the sound bears that out as well and it is nearer to what is asked."""
    relatives = [own, *(other for other in alternatives if abs(abs(math.log2(other / own)) - 1) < 0.02)]
    return min(relatives, key=lambda tempo: abs(math.log2(tempo / asked)))


def _explain_no_tempo(heard: Heard, name: str, lacks: str, hint: str) -> UsageError:
    found = heard.measured.tempo if heard.measured else None
    if found is None or found.tempo is None:
        return UsageError(f"{name} has no steady beat{lacks}", hint=hint)
    return UsageError(
        f"the tempo of {name} is a guess: {found.tempo:.2f} BPM",
        hint=f"--source-tempo {found.tempo:.2f} takes it, --source-tempo 90 another",
    )


def _find_shift(
    asked: str, source: Source, heard: Heard, known: Known, name: str, notes: list[str]
) -> tuple[int, str]:
    """How many semitones to the key that is asked for, the nearest way, and which key that gives.

    A key of the other mode cannot be reached by transposing; its relative has the same notes.
    """
    wanted = parse_key(asked)
    own = known.key or _find_own_key(wanted, source, heard, name)
    mine = parse_key(own)
    reached = wanted
    if mine.mode != wanted.mode:
        reached = Key((wanted.tonic + (9 if wanted.mode == "maj" else 3)) % 12, mine.mode)
        notes.append(
            f"transposing keeps {own} {_MODES[mine.mode]}: it becomes {reached}, the notes of {wanted}"
        )
    return (reached.tonic - mine.tonic + 6) % 12 - 6, str(reached)


def _find_own_key(wanted: Key, source: Source, heard: Heard, name: str) -> str:
    """The key that a sound is heard to be in; of the mode that is asked for where it can be that as well."""
    measured = heard.measured
    if measured is None or measured.key.key is None:
        raise UsageError(
            f"{name} has no key to start from", hint="--pitch moves it, or tell its key: --source-key Am"
        )
    best, fits = measured.key.key, measured.key.fits
    if source.key is None:
        raise UsageError(
            f"the key of {name} is a guess: {best}",
            hint=f"--source-key {best} takes it; or --pitch SEMITONES",
        )
    same = {key: fit for key, fit in fits.items() if parse_key(key).mode == wanted.mode}
    own = max(same, key=lambda key: same[key])
    return best if fits[best] - same[own] > KEY_FITS else own


def _move_key(key: str | None, semitones: float) -> str | None:
    if key is None:
        return None
    own = parse_key(key)
    return str(replace(own, tonic=(own.tonic + round(semitones)) % 12))


def _make_terms(request: RemixRequest, source: Source, known: Known, reached: str) -> Terms:
    """What the result is held to. A tempo that wanders, and what was told, are kept by construction."""
    values: dict[str, Value] = {}
    built: set[str] = set()
    if request.tempo and request.tempo.tempo:
        values["tempo"] = request.tempo.tempo
        if known.tempo or not source.steady:
            built.add("tempo")
    if reached:
        values["key"] = reached
        # The sound is moved by whole semitones from where it was: what it does not tell is as it was before.
        built.add("key")
    if request.loudness_lufs is not None:
        values["loudness_lufs"] = request.loudness_lufs
    return Terms(values, source.meter or "4/4", request.tolerance, frozenset(values), frozenset(built))


def _count_at(tempo: float | None, chain: Chain | None, name: str) -> float:
    """The tempo that note values in effects are counted at."""
    if tempo is None and chain and chain.needs_tempo:
        raise UsageError(
            f"{name} has no steady beat to count note values at",
            hint="--source-tempo 90 tells its tempo; or write times: delay(250ms)",
        )
    return tempo or 120.0


def _tell_feel(groove: Groove, tempo: float) -> str:
    share = groove.tempo / tempo
    feel = "at half time, " if share < 0.75 else "at double time, " if share > 1.5 else ""
    return f"{groove.style}: {groove.prompt} drums {feel}{groove.tempo:.2f} BPM, {groove.meter}"


def _find_groove(
    request: RemixRequest,
    style: Style,
    plan: Plan,
    heard: Heard,
    source: Source,
    tempo: float | None,
    key: str | None,
    name: str,
) -> Groove:
    """What a genre adds, and where on the sound as it will be."""
    loudness = heard.measured.loudness.integrated_lufs if heard.measured else None
    groove = Groove(
        style=style.name,
        prompt=style.prompt,
        seed=draw_seed() if request.seed is None else request.seed,
        key=key or "",
        meter=source.meter or "4/4",
        swing=style.swing,
        drums_lu=style.drums_lu,
        pump_db=style.pump_db,
        loudness_lufs=None if loudness is None else min(max(loudness, QUIETEST_LUFS), LOUDEST_LUFS),
        bed=str(parse_chain(style.bed)),
        kit=str(parse_chain(style.kit)) if style.kit else "",
        master=str(parse_chain(style.master)) if style.master else "",
        separator="" if style.drums == LAYERED else "auto",
    )
    if style.drums == REMOVED:
        return groove
    if tempo is None:
        raise _explain_no_tempo(
            heard,
            name,
            " to lay drums on",
            "--source-tempo 90 lays them from its start; --genre classical needs none",
        )
    return lay_grid(groove, style, plan, heard, source, tempo)
