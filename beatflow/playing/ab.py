"""Comparing two sounds by ear: matched, side by side or blind, and what is noted of it.

Joins the match, the trials, the player and the note; shows nothing itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from beatflow.errors import UsageError
from beatflow.playing.abx import MOST_TRIALS, TOLD_APART, Trials
from beatflow.playing.device import Output
from beatflow.playing.keys import Keys
from beatflow.playing.listening import open_output, read_span
from beatflow.playing.matching import Cut, Match, Progress, match
from beatflow.playing.naming import Named
from beatflow.playing.player import Player
from beatflow.playing.session import Played, Standing, obey_key, play
from beatflow.playing.source import Sources, at_rate
from beatflow.wording import format_number

LABELS = ("A", "B")


@dataclass(frozen=True, slots=True)
class Wish:
    """How two sounds are to be compared.

    Parameters
    ----------
    start, end : str or None
        The stretch, in A's time, as musicians write it.
    trials : int
        Of a blind test; 0 for none.
    seed : int
        Decides what X is.
    align, level : bool
    device : str or None
    """

    start: str | None = None
    end: str | None = None
    trials: int = 0
    seed: int = 0
    align: bool = True
    level: bool = True
    device: str | None = None


@dataclass(slots=True)
class Comparison:
    """Two sounds, opened and matched.

    Attributes
    ----------
    match : Match
    trials : Trials or None
    hearing : str
        A, B or X: what is heard now, as the listener may know it.
    preferred : int or None
        Which one the listener liked better.
    """

    sources: tuple[Cut, Cut]
    match: Match
    trials: Trials | None
    hearing: str = "A"
    preferred: int | None = None

    def obey(self, player: Player, key: str) -> bool:
        """Do what a key says; say whether the comparison is over."""
        if key in ("a", "b", "x"):
            self._hear(player, key.upper())
            return False
        if self.trials is None:
            if key == "enter":
                self.preferred = player.current
                return True
            if key in ("1", "2"):
                self._hear(player, LABELS[int(key) - 1])
                return False
        elif key in ("1", "2"):
            return self._answer(player, int(key) - 1)
        return obey_key(player, key)

    def _hear(self, player: Player, label: str) -> None:
        if label == "X" and self.trials is None:
            return
        self.hearing = label
        if self.trials is None:
            player.switch(LABELS.index(label))
        else:
            # Alike from anything to anything: going over itself must not tell.
            player.dip(self.trials.x if label == "X" else LABELS.index(label))

    def _answer(self, player: Player, answer: int) -> bool:
        assert self.trials is not None
        self.trials.answers.append(answer)
        if self.trials.finished:
            return True
        self._hear(player, "X")
        return False


@contextmanager
def comparing(sounds: tuple[Named, Named], wish: Wish, progress: Progress) -> Iterator[Comparison]:
    """Open two sounds and match them, at A's sample rate.

    Raises
    ------
    UsageError
        A figure makes no sense, or they have nothing in common there.
    AudioError
        One cannot be read.
    """
    if not 0 <= wish.trials <= MOST_TRIALS:
        raise UsageError(f"a test has 1 to {MOST_TRIALS} trials, not {wish.trials}", hint="--trials 10")
    start_s, end_s = read_span(sounds[0].clock, wish.start, wish.end)
    with Sources() as opened:
        for sound in sounds:
            opened.add(sound.open())
        one, two = opened.all
        rate = one.sample_rate
        found = match((one, two), rate, start_s, end_s, wish.align, wish.level, progress)
        cuts = (
            Cut(at_rate(one, rate), found.starts[0], found.frames, sounds[0].name),
            Cut(at_rate(two, rate), found.starts[1], found.frames, sounds[1].name),
        )
        yield Comparison(cuts, found, Trials(wish.trials, wish.seed) if wish.trials else None)


def compare(
    comparison: Comparison, wish: Wish, keys: Keys, show: Callable[[Standing], None]
) -> tuple[Output, Played]:
    """Let two sounds be heard, in a loop, until the listener is done.

    Raises
    ------
    EngineError
        There is nothing to play on.
    """
    sources = comparison.sources
    channels = max(source.channels for source in sources)
    with open_output(sources[0].sample_rate, channels, wish.device) as output:
        player = Player(
            sources,
            output.sample_rate,
            output.channels,
            loop=True,
            gains_db=comparison.match.gains_db,
        )
        if comparison.trials:
            player.current = comparison.trials.x
            comparison.hearing = "X"
        return output, play(player, output, keys, show, obey=comparison.obey)


def tell(comparison: Comparison) -> str:
    """Return what came out, in a line."""
    trials = comparison.trials
    if trials is None:
        return (
            "no preference" if comparison.preferred is None else f"{LABELS[comparison.preferred]} preferred"
        )
    if trials.p_value is None:
        return f"given up after {len(trials.answers)} of {trials.count} trials"
    verdict = "told apart" if trials.p_value < TOLD_APART else "not told apart"
    return f"{verdict}: {trials.right} of {trials.count} right, p = {format_p(trials.p_value)}"


def format_note(sounds: tuple[Named, Named], comparison: Comparison, remark: str | None, who: str) -> str:
    """Return the line that is noted on a commit."""
    names = " against ".join(
        f"{label} {sound.name}" + (f" ({sound.oid[:8]})" if sound.oid else "")
        for label, sound in zip(LABELS, sounds, strict=True)
    )
    gains = comparison.match.gains_db
    levelled = next((f", {LABELS[at]} {format_number(gain)} dB" for at, gain in enumerate(gains) if gain), "")
    kind = "ABX" if comparison.trials else "AB"
    said = f": {remark}" if remark else ""
    return " ".join(f"{kind}, {names}{levelled}: {tell(comparison)}{said} ({who})".split())


def format_p(p_value: float) -> str:
    """Write a probability as ``0.011``; very small ones as ``< 0.0001``."""
    return "< 0.0001" if p_value < 1e-4 else f"{p_value:.2g}"
