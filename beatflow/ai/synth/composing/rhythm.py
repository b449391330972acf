"""Rhythms of a 4/4 bar, and how they are carried over into bars of three. Knows no pitches."""

Figure = tuple[tuple[int, int], ...]
"""(sixteenth, sixteenths long), of one bar or, where it runs past 16, of two."""
BEATS = {"4/4": (0, 4, 8, 12), "3/4": (0, 4, 8), "6/8": (0, 6)}
"""Sixteenths on which the felt beats of a bar lie."""


def fit(figure: Figure, meter: str, bar: int = 0) -> list[tuple[int, int]]:
    """One bar of a figure in a meter.

    In 3/4 it loses its last beat; in 6/8 its proportions stay and every onset goes to the nearest eighth.

    Parameters
    ----------
    figure : Figure
    meter : str
    bar : int
        Of a figure of two bars, even bars play the first.
    """
    long = any(step >= 16 for step, _ in figure)
    start = 16 * (bar % 2) if long else 0
    own = [(step - start, length) for step, length in figure if start <= step < start + 16]
    if meter == "4/4":
        return [(step, min(length, 16 - step)) for step, length in own]
    if meter == "3/4":
        return [(step, min(length, 12 - step)) for step, length in own if step < 12]
    six: dict[int, int] = {}
    for step, length in own:
        onset = min((step * 3 // 4 + 1) // 2 * 2, 10)
        six.setdefault(onset, min(max(1, length * 3 // 4), 12 - onset))
    return sorted(six.items())


def carry(step: int, meter: str) -> int:
    """A sixteenth of a 4/4 bar in another meter; what falls out of the bar comes back as its last eighth."""
    if meter == "4/4":
        return step
    if meter == "3/4":
        return min(step, 11)
    return min((step * 3 // 4 + 1) // 2 * 2, 10)
