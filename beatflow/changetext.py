"""What became of a sound, in a musician's words. Pure text: knows no samples, no history and no terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from beatflow.sound.explanation import Change, Explanation
from beatflow.timecode import Clock
from beatflow.wording import format_duration, format_number, plural

_BRIEF = 2
"""How many things a log says of one sound before it says that there are more."""

_SIDES = ("left", "right")
_DEPTHS = {"PCM_U8": "8 bit", "PCM_S8": "8 bit", "FLOAT": "32 bit float", "DOUBLE": "64 bit float"}
_FILTERS = {"low_pass": "low pass", "high_pass": "high pass"}
_SHELVES = {"low_shelf": "low shelf ", "high_shelf": "high shelf "}


def tell_change(change: Change, clock: Clock) -> str:
    """Say one change in a phrase: ``−1.50 dB``, ``bars 33–34 replaced``, ``441 frames later (0.0100 s)``.

    Parameters
    ----------
    clock : Clock
        The new sound's.
    """
    figures = change.figures
    match change.kind:
        case "identical":
            return "the samples are identical"
        case "sample_rate":
            return f"{figures['before']} → {figures['after']} Hz"
        case "channels":
            return f"{name_channels(figures['before'])} → {name_channels(figures['after'])}"
        case "bit_depth":
            return _tell_depth(figures["before"], figures["after"], bool(figures.get("dither")))
        case "moved":
            return _tell_move(figures)
        case "polarity":
            return f"polarity{_of_channels(figures['channels'])} inverted"
        case "channel_swap":
            return "left and right swapped"
        case "gain":
            return f"{_signed(figures['gain_db'], 2)} dB"
        case "balance":
            return ", ".join(
                f"{_name_side(number, len(figures['gains_db']))} {_signed(gain_db, 2)} dB"
                for number, gain_db in enumerate(figures["gains_db"])
            )
        case "width":
            return _tell_width(figures["width"])
        case "eq":
            return "EQ " + (", ".join(_tell_band(band) for band in figures["bands"]) or "by a curve")
        case "level":
            least, most = figures["range_db"]
            return f"level over time, {_signed(least, 1)} to {_signed(most, 1)} dB"
        case "fade":
            return (
                f"fade-{figures['direction']}, {clock.format_span(figures['start_frame'], figures['frames'])}"
            )
        case "region":
            return f"{clock.format_span(*_place_of(figures))} {figures['action']}"
        case "tempo":
            return f"{_tell_speed(figures['ratio'])}, stretched"
        case "pitch":
            return f"pitch {'up' if figures['semitones'] > 0 else 'down'} {_tell_semitones(figures['semitones'])}"
        case "lossy":
            cutoff = figures.get("cutoff_hz")
            heard = f", nothing above {format_hz(cutoff)}" if cutoff else ""
            return f"through a lossy codec{heard}"
        case "residual":
            return _tell_residual(figures)
        case "new_take":
            return "a new take: nothing of the old one explains it"
    return change.kind.replace("_", " ")


def tell_briefly(name: str, explanation: Explanation, clock: Clock) -> str:
    """Say what became of a sound in a few words, as a log does.

    ``bass −1.5 dB``, ``drums 33–34 replaced``, ``vocals new take``.
    """
    if explanation.new_take:
        return f"{name} new take"
    if explanation.identical:
        return f"{name} same samples"
    # A gain that would be told as 0.0 dB goes with what else was done.
    slight = [
        change for change in explanation.changes if change.kind == "gain" and abs(change["gain_db"]) < 0.05
    ]
    changes = [change for change in explanation.changes if change not in slight] or slight
    phrases = list(dict.fromkeys(_shorten(changes, clock)))
    more = len(phrases) - _BRIEF
    said = ", ".join(phrases[:_BRIEF])
    return f"{name} {said}" + (f" +{more} more" if more > 0 else "")


def format_hz(hz: float) -> str:
    """Write a frequency as ``80 Hz`` or ``2.5 kHz``."""
    if hz < 1000:
        return f"{hz:.0f} Hz"
    return f"{hz / 1000:.2f}".rstrip("0").rstrip(".") + " kHz"


def name_channels(channels: int) -> str:
    """Write a number of channels as ``mono``, ``stereo`` or ``6 channels``."""
    return {1: "mono", 2: "stereo"}.get(channels) or plural(channels, "channel")


def name_depth(subtype: str) -> str:
    """Write libsndfile's word for a sample format as ``16 bit``, ``32 bit float`` …; unknown ones stay."""
    if subtype in _DEPTHS:
        return _DEPTHS[subtype]
    bits = subtype.removeprefix("PCM_").removeprefix("ALAC_")
    return f"{int(bits)} bit" if bits.isdecimal() else subtype


# Changes -------------------------------------------------------------------------------------------------


def _signed(value: float, digits: int) -> str:
    text = format_number(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def _tell_depth(before: str, after: str, dither: bool) -> str:
    old, new = name_depth(before), name_depth(after)
    # Two encodings of as many bits: only their own names tell them apart.
    said = f"{before} → {after}" if old == new and before != after else f"{old} → {new}"
    said = said if before != after else old
    return f"{said}, dithered" if dither else said


def _tell_move(figures: Any) -> str:
    frames, fraction = figures["offset_frames"], figures.get("fraction_frames") or 0.0
    total = frames + fraction
    side = "later" if total > 0 else "earlier"
    # The seconds without a sign: the word says which way.
    seconds = format_number(abs(figures["offset_s"]), 4)
    if abs(fraction) < 0.005:
        return f"{plural(abs(frames), 'frame')} {side} ({seconds} s)"
    return f"{format_number(abs(total), 2)} frames {side}" + (f" ({seconds} s)" if frames else ", sub-sample")


def _of_channels(channels: Any) -> str:
    if channels == "all":
        return ""
    names = [_name_side(number, 2 if max(channels, default=0) < 2 else 8) for number in channels]
    return f" of {' and '.join(names)}"


def _name_side(number: int, channels: int) -> str:
    return _SIDES[number] if channels == 2 else f"channel {number + 1}"


def _tell_width(width: float) -> str:
    if width < 0.005:
        return "made mono"
    word = "wider" if width > 1 else "narrower"
    return f"{word}: {format_number(100 * width, 0)} % of the width"


def _tell_band(band: Any) -> str:
    kind, hz = band["type"], format_hz(band["hz"])
    if kind in _FILTERS:
        slope = band.get("slope_db")
        return f"{_FILTERS[kind]} at {hz}" + (f" ({slope:g} dB per octave)" if slope else "")
    return f"{_SHELVES.get(kind, '')}{_signed(band['gain_db'], 1)} dB at {hz}"


def _tell_speed(ratio: float) -> str:
    percent = abs(ratio - 1) * 100
    return f"{format_number(percent, 2 if percent < 10 else 1)} % {'faster' if ratio > 1 else 'slower'}"


def _tell_semitones(semitones: float) -> str:
    size = f"{abs(semitones):.2f}".rstrip("0").rstrip(".")
    return f"{size} semitone" + ("" if size == "1" else "s")


def _tell_residual(figures: Any) -> str:
    depth = format_number(figures["null_depth_db"])
    worst = figures.get("worst_s")
    where = f", worst at {format_duration(worst)}" if worst is not None else ""
    return f"an unexplained rest of {depth} dB{where}"


def _place_of(figures: Any) -> tuple[int, int]:
    """Return where a region is; one that is gone is told by where it was."""
    deleted = figures["action"] == "deleted"
    return figures["source_frame" if deleted else "start_frame"], figures["frames"]


# In brief ------------------------------------------------------------------------------------------------


def _shorten(changes: Sequence[Change], clock: Clock) -> Iterable[str]:
    """Yield the phrases of a log; regions of one kind are told together, where the first of them stands."""
    told: set[str] = set()
    for change in changes:
        if change.kind != "region":
            yield _shorten_one(change, clock)
            continue
        action = change["action"]
        if action not in told:
            told.add(action)
            places = [
                _shorten_span(*_place_of(other.figures), clock)
                for other in changes
                if other.kind == "region" and other["action"] == action
            ]
            shown = list(dict.fromkeys(places))
            said = ", ".join(shown[:_BRIEF]) + (" …" if len(shown) > _BRIEF else "")
            yield f"{said} {action}"


def _shorten_one(change: Change, clock: Clock) -> str:
    figures = change.figures
    match change.kind:
        case "moved":
            milliseconds = 1000 * (figures["offset_s"])
            return f"{format_number(abs(milliseconds))} ms {'later' if milliseconds > 0 else 'earlier'}"
        case "gain":
            return f"{_signed(figures['gain_db'], 1)} dB"
        case "balance":
            return "pan"
        case "width":
            return "mono" if figures["width"] < 0.005 else "wider" if figures["width"] > 1 else "narrower"
        case "polarity":
            return "polarity"
        case "channel_swap":
            return "left/right swapped"
        case "eq":
            bands = figures["bands"]
            return f"EQ {_tell_band(bands[0])}" if len(bands) == 1 else "EQ"
        case "level":
            return "level over time"
        case "fade":
            return f"fade-{figures['direction']}"
        case "tempo":
            return _tell_speed(figures["ratio"])
        case "pitch":
            sign = "+" if figures["semitones"] > 0 else "−"
            return f"{sign}{_tell_semitones(figures['semitones'])}"
        case "lossy":
            return "lossy"
        case "residual":
            return "reworked"
    return tell_change(change, clock)


def _shorten_span(start: int, frames: int, clock: Clock) -> str:
    """Name bars by their numbers alone, seconds without thousandths."""
    if clock.beat_s is not None:
        return clock.name_bars(start, frames).removeprefix("bars ")
    times = [divmod(int(at / clock.sample_rate), 60) for at in (start, start + frames)]
    return "–".join(dict.fromkeys(f"{minutes}:{seconds:02d}" for minutes, seconds in times))
