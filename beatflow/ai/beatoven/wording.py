"""What a brief is in the words that the service understands. Knows no network and no samples."""

from beatflow.ai.engine import QUARTERS, Brief
from beatflow.errors import UsageError
from beatflow.sound.tonality import NOTE_NAMES, parse_key

STEMS = ("bass", "chords", "melody", "percussion")


def make_prompt(brief: Brief) -> str:
    """The prompt with everything else that was asked for, the length first as the service's own examples have it.

    Raises
    ------
    UsageError
        There are no words, or a stem is asked for that the service does not make.
    """
    if not brief.prompt.strip():
        raise UsageError(
            "Beatoven needs words", hint='bf generate --engine beatoven "calm lofi with a piano"'
        )
    for stem in brief.stems or ():
        if stem not in STEMS:
            raise UsageError(f"Beatoven makes no stem {stem!r}", hint=f"it makes {', '.join(STEMS)}")
    parts = [brief.prompt.strip()]
    if brief.tempo is not None:
        parts.append(f"{brief.tempo:g} BPM")
    if brief.key is not None:
        key = parse_key(brief.key)
        parts.append(f"in {NOTE_NAMES[key.tonic]} {'minor' if key.mode == 'min' else 'major'}")
    if brief.meter != "4/4":
        parts.append(f"in {brief.meter} time")
    return " ".join([*_length(brief), ", ".join(parts)])


def _length(brief: Brief) -> list[str]:
    seconds = brief.duration_s
    if brief.bars is not None:
        if brief.tempo is None:
            return [f"{brief.bars} bars of"]
        seconds = brief.bars * QUARTERS.get(brief.meter, 4) * 60.0 / brief.tempo
    if seconds is None:
        return []
    whole = max(1, round(seconds))
    return [f"{whole} second{'s' if whole > 1 else ''}"]
