"""What a search is given to go by: a hum, a loop, a sample; heard once, and what of it counts."""

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.finding.card import make_card
from beatflow.finding.landmarks import Landmarks
from beatflow.finding.occurrences import LEAST
from beatflow.finding.ranking import Likening, Using
from beatflow.finding.tune import Melogram, lay_notes
from beatflow.finding.waveform import prepare
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_sound
from beatflow.soundword import NamedSound

LONGEST_S = 600.0
"""Of what is given: longer is music to search in, not to search for."""
_FEWEST_NOTES = 5
_STEADY = 0.5
_VOICED = 0.68
_LOUD_DB = -20.0
_HEARD_S = 60.0
"""How much of a hum counts."""


def read_likening(subject: NamedSound, by: str | None) -> Likening:
    """Hear what sounds have to be like.

    Parameters
    ----------
    by : str or None
        What likeness goes by. None takes a line of single notes (a hum, a whistle, a lead) for a melody, and
        everything else for a sound.

    Raises
    ------
    AudioError
        It cannot be read, is silent or too long; or it has no tune, and one was asked for.
    """
    audio = _read(subject)
    card = make_card([audio])
    if not card.windows.any():
        raise AudioError(f"{subject.name} is silent: nothing is like it", hint="give it something to hear")
    tune = _hear_line(audio) if by in (None, "melody") else None
    if by == "melody" and tune is None:
        # No single line: what stands out of it as a tune.
        tune = card.melogram if card.melogram.any() else None
        if tune is None or len(tune) < 4:
            raise AudioError(f"no tune can be heard in {subject.name}", hint="--by sound takes it as it is")
    by = by or ("melody" if tune is not None else "sound")
    return Likening(subject.oid, card, by, np.zeros((0, 12), np.float32) if tune is None else tune)


def read_using(subject: NamedSound, quick: bool = False) -> Using:
    """Hear the sample that sounds have to use.

    Parameters
    ----------
    quick : bool
        Go by landmarks alone, and not by its waveform.

    Raises
    ------
    AudioError
        It cannot be read, or is too long.
    UsageError
        It has too little in it to be known again: silence, a single soft thud.
    """
    audio = _read(subject)
    card = make_card([audio])
    parts = [] if quick else prepare(audio)
    if len(card.landmarks) < LEAST and not parts:
        raise UsageError(
            f"{subject.name} has too little in it to be known again ({_count(card.landmarks)} landmarks)",
            hint="give it a longer or a brighter piece of the sample",
        )
    return Using(subject.oid, card, parts)


def _count(landmarks: Landmarks) -> str:
    return f"{len(landmarks)} of {LEAST}"


def _read(subject: NamedSound) -> Audio:
    with subject.open() as source, AudioReader(source, subject.name) as reader:
        if reader.info.duration_s > LONGEST_S:
            minutes = reader.info.duration_s / 60
            raise AudioError(
                f"{subject.name} is {minutes:.0f} minutes long; what is looked for is at most {LONGEST_S / 60:.0f}",
                hint="cut it first: ffmpeg -i FILE -ss START_S -t SECONDS FILE.wav",
            )
        check_sound(reader)
        return reader.read(reader.info.frames)


def _hear_line(audio: Audio) -> Melogram | None:
    """The tune of a single line; None where there is no such thing."""
    from beatflow.ai.listening.notes import find_notes
    from beatflow.ai.listening.yin import track_pitch

    head = Audio(audio.samples[: int(_HEARD_S * audio.sample_rate)], audio.sample_rate)
    contour = track_pitch(head)
    loud = contour.level_db > _LOUD_DB
    if not loud.any() or float(np.isfinite(contour.midi[loud]).mean()) < _VOICED:
        return None
    melody = find_notes(contour)
    if len(melody.notes) < _FEWEST_NOTES or melody.steadiness < _STEADY:
        return None
    return lay_notes(melody.notes)
