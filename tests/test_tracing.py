"""Following stretches through an explanation: where they were, and what was done to them."""

from beatflow.blame.tracing import Part, trace, widen
from beatflow.sound.explanation import Change, Explanation, Piece


def explain(
    *changes: Change,
    pieces: list[tuple[int, int, int | None]],
    before: int = 1000,
    null_depth_db: float | None = -200.0,
) -> Explanation:
    after = sum(frames for _, frames, _ in pieces)
    values = tuple(Piece(*piece) for piece in pieces)
    return Explanation(changes, values, 100, before, after, null_depth_db, None)


def region(action: str, start: int, frames: int, source: int | None = None) -> Change:
    figures = {"action": action, "start_frame": start, "frames": frames}
    return Change("region", figures | ({} if source is None else {"source_frame": source}))


IDENTICAL = explain(Change("identical", {}), pieces=[(0, 1000, 0)])
REPLACED = explain(region("replaced", 300, 200), pieces=[(0, 300, 0), (300, 200, None), (500, 500, 500)])
INSERTED = explain(region("inserted", 300, 100), pieces=[(0, 300, 0), (300, 100, None), (400, 700, 300)])
DELETED = explain(region("deleted", 300, 100, source=300), pieces=[(0, 300, 0), (300, 600, 400)])


def test_what_is_the_same_was_where_it_is() -> None:
    assert trace(IDENTICAL, 100, 300) == [Part(100, 300, 100, 1.0, kept=True)]


def test_a_replaced_region_stands_for_what_was_there() -> None:
    first, second, third = trace(REPLACED, 250, 600)
    assert (first.start, first.end, first.source, first.touched) == (250, 300, 250, False)
    assert (second.start, second.end, second.source, second.kind) == (300, 500, 300, "replaced")
    assert (third.start, third.end, third.source) == (500, 600, 500)


def test_a_region_of_another_length_stands_for_all_that_was_there() -> None:
    longer = explain(region("replaced", 300, 200), pieces=[(0, 300, 0), (300, 200, None), (500, 600, 400)])
    (part,) = trace(longer, 400, 500)
    assert (part.source, part.source_end) == (350, 400)


def test_what_was_inserted_was_nowhere() -> None:
    before, new, after = trace(INSERTED, 0, 500)
    assert (new.kind, new.source, new.source_end) == ("inserted", None, None)
    assert (before.source, after.source, after.source_end) == (0, 300, 400)


def test_pieces_without_a_source_share_the_gap() -> None:
    both = explain(
        region("muted", 300, 100),
        region("replaced", 400, 100),
        pieces=[(0, 300, 0), (300, 100, None), (400, 100, None), (500, 500, 500)],
    )
    muted, replaced = trace(both, 300, 500)
    assert (muted.kind, muted.source, replaced.kind, replaced.source) == ("muted", 300, "replaced", 400)


def test_a_gain_works_on_everything_and_a_fade_on_its_place() -> None:
    gain = Change("gain", {"gain_db": -1.5})
    fade = Change("fade", {"direction": "out", "start_frame": 900, "frames": 100})
    first, second = trace(explain(gain, fade, pieces=[(0, 1000, 0)]), 800, 1000)
    assert (first.end, first.changes) == (900, (gain,))
    assert (second.source, second.changes) == (900, (gain, fade))


def test_automation_works_where_it_is_not_at_0_db() -> None:
    level = Change("level", {"range_db": [0, 3], "curve": [[2.0, 0.0], [3.0, 3.0], [4.0, 0.0]]})
    parts = trace(explain(level, pieces=[(0, 1000, 0)]), 0, 1000)
    assert [(part.start, part.end, part.touched) for part in parts] == [
        (0, 200, False),
        (200, 400, True),
        (400, 1000, False),
    ]


def test_another_format_is_no_work_where_the_samples_are_the_same() -> None:
    depth = Change("bit_depth", {"before": "PCM_16", "after": "PCM_24", "dither": False})
    assert not trace(explain(depth, pieces=[(0, 1000, 0)]), 0, 10)[0].touched
    assert trace(explain(depth, pieces=[(0, 1000, 0)], null_depth_db=-96.0), 0, 10)[0].touched


def test_only_a_shift_between_frames_changes_samples() -> None:
    def moved(fraction: float) -> Explanation:
        figures = {"offset_frames": 10, "offset_s": 0.1, "fraction_frames": fraction}
        return explain(
            Change("moved", figures), region("inserted", 0, 10), pieces=[(0, 10, None), (10, 990, 0)]
        )

    assert not trace(moved(0.0), 10, 20)[0].touched
    assert trace(moved(0.4), 10, 20)[0].touched


def test_rates_and_tempos_stretch_time() -> None:
    rate = Change("sample_rate", {"before": 200, "after": 100})
    (part,) = trace(explain(rate, pieces=[(0, 1000, 0)], before=2000, null_depth_db=-90), 100, 200)
    assert (part.source, part.source_end) == (200, 400)
    tempo = Change("tempo", {"ratio": 1.25})
    (part,) = trace(explain(tempo, pieces=[(0, 800, 0)], null_depth_db=-40), 400, 800)
    assert (part.source, part.source_end) == (500, 1000)


def test_a_new_take_stands_for_the_same_time() -> None:
    take = explain(Change("new_take", {}), pieces=[(0, 500, None)], null_depth_db=None)
    (part,) = trace(take, 100, 200)
    assert (part.kind, part.source, part.source_end) == ("new_take", 100, 200)


def test_what_lies_beyond_the_pieces_counts_as_replaced() -> None:
    (part,) = trace(explain(Change("new_take", {}), pieces=[]), 0, 5)
    assert (part.kind, part.source) == ("replaced", 0)


def test_a_move_touches_nothing() -> None:
    assert widen(INSERTED, 500, 600) == (False, [(400, 500)])
    assert widen(DELETED, 400, 500) == (False, [(500, 600)])
    assert widen(DELETED, 0, 300) == (False, [(0, 300)])


def test_what_was_deleted_inside_belongs_to_what_is_looked_for() -> None:
    assert widen(DELETED, 250, 350) == (True, [(250, 450)])


def test_what_was_replaced_is_looked_for_where_it_was() -> None:
    assert widen(REPLACED, 320, 340) == (True, [(320, 340)])
    assert widen(INSERTED, 320, 340) == (True, [])


def test_stretches_that_changed_places_are_two() -> None:
    swapped = explain(pieces=[(0, 500, 500), (500, 500, 0)])
    assert widen(swapped, 400, 600) == (True, [(900, 1000), (0, 100)])


def test_nothing_is_looked_for_beyond_the_old_sound() -> None:
    take = explain(Change("new_take", {}), pieces=[(0, 2000, None)], null_depth_db=None)
    assert widen(take, 900, 1500) == (True, [(900, 1000)])
    assert widen(take, 1200, 1500) == (True, [])


def test_what_no_region_names_goes_by_whether_anything_was_there() -> None:
    moved = Change("moved", {"offset_frames": 100, "offset_s": 1.0, "fraction_frames": 0.0})
    (new,) = trace(explain(moved, pieces=[(0, 100, None), (100, 1000, 0)]), 0, 100)
    assert (new.kind, new.source) == ("inserted", None)
    (other,) = trace(explain(moved, pieces=[(0, 100, None), (100, 900, 100)]), 0, 100)
    assert (other.kind, other.source) == ("replaced", 0)
