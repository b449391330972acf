"""Moods in lines of text: bars, a timeline, what speaks for them; how well a trained model does. Knows no terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from beatflow.columns import safe_line
from beatflow.mood.history import Version
from beatflow.mood.rating import Moment, Rated
from beatflow.mood.training import Training
from beatflow.sound.mood.cues import CUES, standardise
from beatflow.sound.mood.rating import Mood
from beatflow.wording import format_duration, format_number, format_tempo, format_time

Style = Callable[[str, str], str]

_SHOWN_CUES = 5
_TOLD = 0.7
"""Standard deviations from what is usual, from which on a cue is worth a word."""
_WORDS = {
    "mode": ("minor", "major"),
    "tempo": ("slow", "fast"),
    "onsets_per_s": ("few notes", "many notes"),
    "register_hz": ("low", "high"),
    "loudness_lufs": ("soft", "loud"),
    "articulation_db": ("legato", "detached"),
    "attack_db": ("soft attacks", "hard attacks"),
    "brightness_hz": ("dark", "bright"),
    "noisiness_db": ("pure", "noisy"),
    "roughness": ("smooth", "rough"),
    "pulse": ("free", "steady pulse"),
}
"""What a cue is called below and above what is usual."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def tell_rated(rated: Rated, width: int, style: Style, fancy: bool) -> Iterator[str]:
    """One sound in full."""
    yield f"{style('sound       ', 'dim')}{safe_line(rated.name)}, {format_duration(rated.duration_s)}"
    if rated.mood is None:
        yield f"{style('mood        ', 'dim')}none: {rated.rating.reason}"
    else:
        yield f"{style('mood        ', 'dim')}{tell_mood(rated.mood)}"
        yield from _tell_scores(rated.mood, width, fancy)
        features = _tell_features(rated.mood.features)
        if features:
            yield f"{style('features    ', 'dim')}{features}"
            yield f"{style('cues        ', 'dim')}{', '.join(name_cues(rated.mood.features)) or 'all as usual'}"
    if rated.sections:
        yield from _tell_timeline(rated.sections, style, fancy)


def tell_mood(mood: Mood) -> str:
    """Like ``calm 46 %, valence +0.31, arousal −0.52``."""
    parts = [f"{safe_line(mood.best)} {mood.scores[mood.best] * 100:.0f} %"]
    if mood.valence is not None and mood.arousal is not None:
        parts += [f"valence {_signed(mood.valence)}", f"arousal {_signed(mood.arousal)}"]
    return ", ".join(parts)


def name_cues(features: Mapping[str, float]) -> list[str]:
    """What is unusual about a sound, the most unusual first: ``minor``, ``slow``, ``dark``."""
    deviations = {cue.feature: standardise(cue, features) for cue in CUES}
    telling = sorted(deviations, key=lambda name: -abs(deviations[name]))
    return [
        _WORDS[name][deviations[name] > 0] for name in telling[:_SHOWN_CUES] if abs(deviations[name]) >= _TOLD
    ]


def list_rated(ratings: Sequence[Rated]) -> tuple[list[str], list[list[str]]]:
    """Several sounds as a table: columns and rows."""
    rows = [
        [rated.name, *_cells(rated.mood), ", ".join(name_cues(rated.mood.features)[:3]) if rated.mood else ""]
        for rated in ratings
    ]
    return ["sound", "mood", "share", "valence", "arousal", "cues"], rows


def list_history(versions: Sequence[Version]) -> tuple[list[str], list[list[str]]]:
    """Versions of a file as a table: columns and rows."""
    rows = [
        [
            one.commit.oid[:7],
            format_time(one.commit.author),
            *(_cells(one.rating.mood) if one.problem is None else [one.problem, "", "", ""]),
            one.commit.message.strip().split("\n")[0],
        ]
        for one in versions
    ]
    return ["commit", "when", "mood", "share", "valence", "arousal", "message"], rows


def _cells(mood: Mood | None) -> list[str]:
    if mood is None:
        return ["none", "", "", ""]
    axes = [_signed(value) if value is not None else "–" for value in (mood.valence, mood.arousal)]
    return [mood.best, f"{mood.scores[mood.best] * 100:.0f} %", *axes]


def _tell_scores(mood: Mood, width: int, fancy: bool) -> Iterator[str]:
    names = {name: safe_line(name) for name in mood.scores}
    room = max(map(len, names.values()))
    length = max(8, min(40, width - room - 14))
    for name, value in mood.scores.items():
        yield f"  {names[name]:{room}}  {draw_bar(value, length, fancy):{length}}  {value * 100:3.0f} %"


def draw_bar(value: float, length: int, fancy: bool) -> str:
    """A share as a bar, in eighths of a cell where the terminal has such characters."""
    if not fancy:
        return "#" * round(value * length)
    whole, rest = divmod(round(value * length * 8), 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _tell_timeline(moments: Sequence[Moment], style: Style, fancy: bool) -> Iterator[str]:
    """A line for each stretch."""
    labelled = any(moment.label for moment in moments)
    names = max(len(safe_line(moment.mood.best)) if moment.mood else 4 for moment in moments)
    yield style("timeline", "dim")
    for moment in moments:
        mood = moment.mood
        label = f"{moment.label:3}" if labelled else ""
        head = f"  {_clock(moment.start_s):>7}  {label}"
        if mood is None:
            yield f"{head}none: {moment.rating.reason}"
            continue
        share = mood.scores[mood.best]
        axes = ""
        if mood.valence is not None and mood.arousal is not None:
            axes = f"  valence {_signed(mood.valence)}  arousal {_signed(mood.arousal)}"
        yield f"{head}{safe_line(mood.best):{names}}  {draw_bar(share, 10, fancy):10} {share * 100:3.0f} %{axes}"


def _tell_features(features: Mapping[str, float]) -> str:
    told = []
    if "tempo" in features:
        told.append(format_tempo(round(features["tempo"], 1)))
    if "mode" in features:
        mode = features["mode"]
        told.append("between major and minor" if abs(mode) < 0.3 else "major" if mode > 0 else "minor")
    for name, unit, digits in (
        ("onsets_per_s", "onsets a second", 1),
        ("loudness_lufs", "LUFS", 1),
        ("brightness_hz", "Hz brightness", 0),
        ("register_hz", "Hz register", 0),
    ):
        if name in features:
            told.append(f"{format_number(features[name], digits)} {unit}")
    return ", ".join(told)


def tell_training(training: Training) -> Iterator[str]:
    """How well a trained model does, and where it errs."""
    total = sum(training.sounds.values())
    kinds = ", ".join(f"{safe_line(name)} {count}" for name, count in training.sounds.items())
    yield f"sounds             {total} ({kinds})"
    yield (
        f"accuracy           {training.accuracy:.2f} ± {training.error:.2f} in {training.folds}-fold cross-validation"
    )
    yield f"balanced accuracy  {training.balanced_accuracy:.2f}; by chance {1 / len(training.sounds):.2f}"
    yield f"baseline           {training.baseline:.2f}, always answering with the most frequent label"
    yield "confusion (rows: label, columns: taken for)"
    labels = [safe_line(label) for label in training.sounds]
    room = max(len(label) for label in labels)
    width = max(room, 4)
    yield "  " + " " * room + "".join(f"  {label:>{width}}" for label in labels) + "  recall  precision"
    for label, figures, row in zip(labels, training.per_label.values(), training.confusion, strict=True):
        cells = "".join(f"  {count:{width}d}" for count in row)
        yield f"  {label:{room}}{cells}  {figures['recall']:6.2f}  {figures['precision']:9.2f}"


def summarize(facts: Mapping[str, Any]) -> str:
    """What a model says of itself, in a few words."""
    sounds = sum(facts["sounds"].values())
    return f"trained on {sounds} sounds, cross-validated accuracy {facts['accuracy']:.2f}"


def _signed(value: float) -> str:
    return ("+" if round(value, 2) > 0 else "") + format_number(value, 2)


def _clock(seconds: float) -> str:
    return format_duration(round(seconds, 1))[:-2]
