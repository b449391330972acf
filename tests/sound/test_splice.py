"""Sounds put together from several versions: properties over random changes, and every format of samples."""

import io
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import butter, lfilter

from beatflow.errors import AudioError, UsageError
from beatflow.sound.splice.changes import NEAR_S, find_changes
from beatflow.sound.splice.gain import Gain, fit_gain
from beatflow.sound.splice.pcm import PcmFile, decode_rows, encode_rows
from beatflow.sound.splice.plan import BASE, OURS, THEIRS, Overlap
from beatflow.sound.splice.regions import Region, plan_regions, write_sum
from beatflow.sound.splice.splice import plan_merge, write_plan
from tests.forks import RATE, new, put, scale, take, wav
from tests.world import decode

NEAR = round(NEAR_S * RATE)


def open_bytes(data: bytes, name: str = "a.wav") -> PcmFile:
    return PcmFile(io.BytesIO(data), name)


def splice(base: bytes, ours: bytes, theirs: bytes, folder: Path) -> bytes | Overlap:
    """Merge three files into the bytes of one."""
    with ExitStack() as stack:
        versions = {
            name: stack.enter_context(open_bytes(data))
            for name, data in ((BASE, base), (OURS, ours), (THEIRS, theirs))
        }
        plan = plan_merge(versions)
        if isinstance(plan, Overlap):
            return plan
        target = folder / "merged"
        write_plan(plan, versions, versions[plan.shape], target)
        return target.read_bytes()


BASE_TAKE = take(1)
RANGES = st.lists(
    st.tuples(st.integers(0, len(BASE_TAKE) - 1), st.integers(1, 1500), st.booleans(), st.integers(2, 50)),
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(RANGES)
def test_changes_in_different_stretches_are_both_applied(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[tuple[int, int, bool, int]]
) -> None:
    folder = tmp_path_factory.mktemp("splice")
    sides = [BASE_TAKE.copy(), BASE_TAKE.copy()]
    both = BASE_TAKE.copy()
    taken = np.zeros(len(BASE_TAKE), int)
    for start, frames, mine, number in ranges:
        end = min(start + frames, len(both))
        side = 0 if mine else 1
        # Stretches of one side may lie anywhere; those of two sides keep away from each other.
        around = taken[max(0, start - 2 * NEAR) : end + 2 * NEAR]
        if (around == 2 - side).any():
            continue
        taken[start:end] = 1 + side
        sides[side][start:end] = both[start:end] = take(number)[: end - start]
    merged = splice(wav(BASE_TAKE), wav(sides[0]), wav(sides[1]), folder)
    swapped = splice(wav(BASE_TAKE), wav(sides[1]), wav(sides[0]), folder)
    assert isinstance(merged, bytes)
    assert merged == swapped
    assert (decode(merged) == both).all()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 12000),
    st.integers(1, 3000),
    st.integers(0, 12000),
    st.integers(1, 3000),
    st.integers(-2000, 2000),
)
def test_every_frame_is_somebodys(
    tmp_path_factory: pytest.TempPathFactory, a: int, a_frames: int, b: int, b_frames: int, longer: int
) -> None:
    """Whatever overlaps: it is said, or each frame is one side's, or fades from one to the other inside a change."""
    folder = tmp_path_factory.mktemp("splice")
    ours, theirs = BASE_TAKE.copy(), BASE_TAKE.copy()
    ours[a : a + a_frames] = take(2)[: len(ours[a : a + a_frames])]
    theirs[b : b + b_frames] = take(3)[: len(theirs[b : b + b_frames])]
    theirs = np.concatenate([theirs, take(4)[:longer]]) if longer > 0 else theirs[: len(theirs) + longer]
    merged = splice(wav(BASE_TAKE), wav(ours), wav(theirs), folder)
    if isinstance(merged, Overlap):
        assert a <= b + b_frames + NEAR or longer < 0
        return
    samples = decode(merged)
    assert len(samples) == len(theirs)
    shared = min(len(ours), len(theirs))
    same = np.zeros(len(samples), bool)
    same[:shared] |= (samples[:shared] == ours[:shared]).all(axis=1)
    same |= (samples == theirs).all(axis=1)
    unchanged = (ours[:shared] == BASE_TAKE[:shared]).all(axis=1) & (
        theirs[:shared] == BASE_TAKE[:shared]
    ).all(axis=1)
    assert (samples[:shared][unchanged] == BASE_TAKE[:shared][unchanged]).all()
    assert np.count_nonzero(~same) <= 40  # one fade of 5 ms


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
        ("RF64", "PCM_24"), ("AIFF", "PCM_16"), ("AIFF", "PCM_24"), ("CAF", "PCM_24"), ("W64", "PCM_16"),
        ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
    ],
)  # fmt: skip
def test_formats(kind: str, subtype: str, tmp_path: Path) -> None:
    def encode(samples: np.ndarray) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, samples.astype(np.int32) << 16, RATE, subtype, format=kind)
        return file.getvalue()

    ours, theirs = put(BASE_TAKE, 0.25, new(2)), put(BASE_TAKE, 1.0, new(3))
    merged = splice(encode(BASE_TAKE), encode(ours), encode(theirs), tmp_path)
    assert isinstance(merged, bytes)
    wanted = encode(put(ours, 1.0, new(3)))
    got, rate = soundfile.read(io.BytesIO(merged), dtype="int32")
    assert rate == RATE
    assert (got == soundfile.read(io.BytesIO(wanted), dtype="int32")[0]).all()
    if kind != "FLAC" and subtype not in ("FLOAT", "DOUBLE"):  # libsndfile stamps a time into those
        assert merged == wanted


def test_stretches_that_meet_fade_only_where_they_click(tmp_path: Path) -> None:
    time = np.arange(2 * RATE)[:, None] / RATE
    wave = np.repeat(8000 * np.sin(2 * np.pi * 50 * time), 2, axis=1)
    base = np.rint(wave).astype(np.int16)
    ours, theirs = base.copy(), base.copy()
    ours[4000:8000] = np.rint(wave[4000:8000] * 0.5 + 3000)
    theirs[8000:12000] = np.rint(wave[8000:12000] * 0.5 - 3000)
    merged = splice(wav(base), wav(ours), wav(theirs), tmp_path)
    assert isinstance(merged, bytes)
    samples = decode(merged).astype(int)
    assert (samples[:7960] == ours[:7960]).all()
    assert (samples[8000:] == theirs[8000:]).all()
    # The step is no larger than the one that theirs has there anyway.
    assert abs(samples[8000] - samples[7999]).max() <= abs(theirs[8000].astype(int) - base[7999]).max() + 400
    # Noise has steps everywhere, so there is nothing to smooth.
    ours, theirs = BASE_TAKE.copy(), BASE_TAKE.copy()
    ours[4000:8000], theirs[8000:12000] = take(2)[4000:8000], take(3)[8000:12000]
    merged = splice(wav(BASE_TAKE), wav(ours), wav(theirs), tmp_path)
    assert isinstance(merged, bytes)
    assert (decode(merged)[:8000] == ours[:8000]).all()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(-600, 200), st.integers(0, 11000), st.integers(300, 4000), st.booleans())
def test_a_gain_goes_for_what_the_other_side_put_in(
    tmp_path_factory: pytest.TempPathFactory, hundredths: int, start: int, frames: int, mine: bool
) -> None:
    folder = tmp_path_factory.mktemp("splice")
    gain_db = hundredths / 100 if abs(hundredths) > 10 else -1.0
    put_in = BASE_TAKE.copy()
    put_in[start : start + frames] = take(5)[:frames]
    sides = [wav(scale(BASE_TAKE, gain_db)), wav(put_in)]
    merged = splice(wav(BASE_TAKE), *(sides if mine else sides[::-1]), folder)
    assert isinstance(merged, bytes)
    assert (decode(merged) == scale(put_in, gain_db)).all()


def test_what_is_no_gain() -> None:
    def fit(after: np.ndarray) -> Gain | None:
        with open_bytes(wav(BASE_TAKE)) as one, open_bytes(wav(after)) as two:
            return fit_gain(one, two, 0, len(BASE_TAKE))

    turned = fit(-BASE_TAKE)
    assert turned
    assert turned.factors == (-1.0, -1.0)
    balanced = fit(np.stack([scale(BASE_TAKE, -2)[:, 0], BASE_TAKE[:, 1]], axis=1))
    assert balanced
    assert [round(gain, 2) for gain in balanced.gains_db] == [-2.0, 0.0]
    dither = np.random.default_rng(1).triangular(-1, 0, 1, BASE_TAKE.shape)
    assert fit(np.rint(BASE_TAKE * 0.7 + dither).astype(np.int16))
    assert fit(BASE_TAKE * 0) is None
    assert fit(take(2)) is None
    assert fit(put(scale(BASE_TAKE, -3), 0.5, new(2, 0.01))) is None
    assert fit(np.roll(BASE_TAKE, 1, axis=0)) is None


def test_a_gain_that_would_clip_is_left_to_people(tmp_path: Path) -> None:
    loud = put(BASE_TAKE, 0.5, np.full((500, 2), 32000, np.int16))
    assert isinstance(splice(wav(BASE_TAKE), wav(scale(BASE_TAKE, 3)), wav(loud), tmp_path), Overlap)


def equalise(samples: np.ndarray, order: str = "low") -> np.ndarray:
    """A shelf of 6 dB below 300 Hz, or a reverb of one echo that no filter of this length holds."""
    if order == "echo":
        return np.rint(0.5 * samples + 0.4 * np.roll(samples, 9000, axis=0)).astype(np.int16)
    b, a = butter(1, 300, fs=RATE)
    return np.rint(0.5 * (samples + lfilter(b, a, samples, axis=0))).astype(np.int16)


def test_an_equaliser_goes_for_what_the_other_side_put_in(tmp_path: Path) -> None:
    base = take(1, 10)
    put_in = put(put(base, 2.0, new(2)), 6.0, new(3, 1.0))
    for sides in ((equalise(base), put_in), (put_in, equalise(base))):
        merged = splice(wav(base), wav(sides[0]), wav(sides[1]), tmp_path)
        assert isinstance(merged, bytes)
        samples, wanted = decode(merged).astype(float), equalise(put_in).astype(float)
        untouched = round(1.8 * RATE)
        assert (samples[:untouched] == equalise(base)[:untouched]).all()
        assert np.sum((samples - wanted) ** 2) < 1e-6 * np.sum(wanted**2)


def test_what_is_no_equaliser(tmp_path: Path) -> None:
    base = take(1, 10)
    put_in = put(base, 2.0, new(2))
    assert isinstance(splice(wav(base), wav(equalise(base, "echo")), wav(put_in), tmp_path), Overlap)
    # Of what is far above 1 kHz nothing is known, since the base has nothing there.
    dull = np.rint(lfilter(*butter(8, 1000, fs=RATE), base, axis=0)).astype(np.int16)
    bright, soft = put(dull, 2.0, new(2)), put(dull, 2.0, dull[:4000])
    assert isinstance(splice(wav(dull), wav(equalise(dull)), wav(bright), tmp_path), Overlap)
    assert isinstance(splice(wav(dull), wav(equalise(dull)), wav(soft), tmp_path), bytes)


@pytest.mark.parametrize("channels", [[0, 1], [1]])
def test_mute_is_no_equaliser(tmp_path: Path, channels: list[int]) -> None:
    """What somebody played into a stem that the other side muted is not to be gone."""
    base = take(1, 10)
    muted = base.copy()
    muted[:, channels] = 0
    for sides in ((muted, put(base, 2.0, new(2))), (put(base, 2.0, new(2)), muted)):
        merged = splice(wav(base), wav(sides[0]), wav(sides[1]), tmp_path)
        assert isinstance(merged, Overlap)
        assert merged.ranges == ((2 * RATE, 2 * RATE + len(new(2))),)


LONG = take(1, 4)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, len(LONG)), st.integers(0, 9000), st.integers(0, 9000), st.booleans(),
    st.integers(0, len(LONG) - 1), st.integers(1, 3000),
)  # fmt: skip
def test_what_comes_after_an_insertion_moves_along(
    tmp_path_factory: pytest.TempPathFactory,
    at: int,
    gone: int,
    come: int,
    mine: bool,
    start: int,
    count: int,
) -> None:
    """Merged, it is as if the one had cut what the other had played, or it is left to people: never anything else."""
    gone = min(gone, len(LONG) - at)
    end = min(len(LONG), start + count)

    def cut(samples: np.ndarray) -> np.ndarray:
        return np.concatenate([samples[:at], take(2, 9000 / RATE)[:come], samples[at + gone :]])

    played = LONG.copy()
    played[start:end] = take(3)[: end - start]
    sides = (cut(LONG), played) if mine else (played, cut(LONG))
    merged = splice(wav(LONG), wav(sides[0]), wav(sides[1]), tmp_path_factory.mktemp("splice"))
    clear = end < at - NEAR or at + gone + NEAR < start
    enough = len(LONG) - at - gone > NEAR
    if isinstance(merged, Overlap):
        assert not clear or not enough
    elif clear:
        assert (decode(merged) == cut(played)).all()


@pytest.mark.parametrize(
    ("at", "gone", "come"), [(0, 0, 4000), (0, 4000, 0), (9000, 0, 3000), (9000, 3000, 7)]
)
def test_cut_at_known_places(tmp_path: Path, at: int, gone: int, come: int) -> None:
    def cut(samples: np.ndarray) -> np.ndarray:
        return np.concatenate([samples[:at], take(2)[:come], samples[at + gone :]])

    played = put(put(LONG, 2.0, new(3)), 3.0, new(4))
    merged = splice(wav(LONG), wav(cut(LONG)), wav(played), tmp_path)
    assert isinstance(merged, bytes)
    assert merged == wav(cut(played))


def test_a_bar_less_of_a_loop_may_have_been_any(tmp_path: Path) -> None:
    bar = take(5, 0.5)
    loop = np.concatenate([bar, bar, bar, take(6)])
    played = put(loop, 1.1, new(7))
    assert isinstance(splice(wav(loop), wav(loop[len(bar) :]), wav(played), tmp_path), Overlap)
    # What lies behind all of these bars is not in doubt.
    played = put(loop, 2.0, new(7))
    merged = splice(wav(loop), wav(loop[len(bar) :]), wav(played), tmp_path)
    assert isinstance(merged, bytes)
    assert (decode(merged) == played[len(bar) :]).all()


def test_a_silent_end_moves_nothing(tmp_path: Path) -> None:
    base = np.concatenate([take(1), np.zeros((RATE, 2), np.int16)])
    shorter = np.concatenate([take(4, 1.5), np.zeros((RATE, 2), np.int16)])
    played = put(base, 2.5, new(7))
    assert isinstance(splice(wav(base), wav(shorter), wav(played), tmp_path), Overlap)


def test_a_gain_goes_for_what_was_inserted(tmp_path: Path) -> None:
    longer = np.concatenate([LONG[:4000], take(2), LONG[4000:]])
    for sides in ((longer, scale(LONG, -3)), (scale(LONG, -3), longer)):
        merged = splice(wav(LONG), wav(sides[0]), wav(sides[1]), tmp_path)
        assert merged == wav(scale(longer, -3))
    loud = np.concatenate([LONG[:4000], np.full((900, 2), 30000, np.int16), LONG[4000:]])
    refused = splice(wav(LONG), wav(loud), wav(scale(LONG, 3)), tmp_path)
    assert refused == Overlap("what ours put in would clip with the gain of theirs", ((4000, 4900),))


def test_one_gain_on_both_sides(tmp_path: Path) -> None:
    one, two = put(LONG, 0.5, new(2)), put(LONG, 2.0, new(3))
    merged = splice(wav(LONG), wav(scale(one, -3)), wav(scale(LONG, -3)), tmp_path)
    assert merged == wav(scale(one, -3))
    merged = splice(wav(LONG), wav(scale(one, -3)), wav(scale(two, -3)), tmp_path)
    assert merged == wav(scale(put(one, 2.0, new(3)), -3))
    # Something else at one place is left to people, and only that place is named.
    other = scale(put(LONG, 0.5, new(4)), -3)
    refused = splice(wav(LONG), wav(scale(one, -3)), wav(other), tmp_path)
    assert refused == Overlap("both changed", ((4000, 4000 + len(new(2))),))


def dither(samples: np.ndarray, seed: int) -> np.ndarray:
    """Bounce again with triangular dither: no sample stays what it was."""
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-0.5, 0.5, samples.shape) + rng.uniform(-0.5, 0.5, samples.shape)
    return np.rint(samples + noise).astype(np.int16)


def test_dither_is_no_change(tmp_path: Path) -> None:
    one, two = dither(scale(LONG, -3), 1), dither(put(LONG, 2.0, new(3)), 2)
    for ours, theirs in ((one, two), (two, one)):
        merged = splice(wav(LONG), wav(ours), wav(theirs), tmp_path)
        assert isinstance(merged, bytes)
        wanted = scale(put(LONG, 2.0, new(3)), -3).astype(int)
        assert np.abs(decode(merged) - wanted).max() <= 3
        outside = np.ones(len(LONG), bool)
        outside[2 * RATE - NEAR : 2 * RATE + len(new(3)) + NEAR] = False
        assert (decode(merged)[outside] == one[outside]).all()
    # New takes in two places, each side dithered: both are there.
    one = dither(put(LONG, 0.5, new(2)), 3)
    merged = splice(wav(LONG), wav(one), wav(two), tmp_path)
    assert isinstance(merged, bytes)
    assert np.abs(decode(merged) - put(put(LONG, 0.5, new(2)), 2.0, new(3)).astype(int)).max() <= 3
    # In one place: that alone is in conflict.
    refused = splice(wav(LONG), wav(one), wav(dither(put(LONG, 0.5, new(4)), 4)), tmp_path)
    assert isinstance(refused, Overlap)
    assert refused.ranges[0][0] >= 0.5 * RATE - NEAR
    assert refused.ranges[-1][1] <= 0.5 * RATE + len(new(2)) + NEAR


def test_a_gain_besides_something_else_on_the_same_side(tmp_path: Path) -> None:
    """The verse played again here; there the whole take quieter, and then its bridge played again."""
    one, two = put(LONG, 1.0, new(2)), put(scale(LONG, -2), 3.0, new(3))
    for sides in ((one, two), (two, one)):
        merged = splice(wav(LONG), wav(sides[0]), wav(sides[1]), tmp_path)
        assert merged == wav(put(scale(one, -2), 3.0, new(3)))
    # What was played again right beside it leaves nothing to tell a gain by.
    near = put(put(scale(LONG, -2), 0.75, new(3)), 1.25, new(4))
    assert isinstance(splice(wav(LONG), wav(one), wav(near), tmp_path), Overlap)


def test_changes_near_each_other_are_one() -> None:
    samples = BASE_TAKE.copy()
    samples[1000] += 1
    samples[1000 + NEAR] += 1
    samples[5000:5010] += 1
    with open_bytes(wav(BASE_TAKE)) as one, open_bytes(wav(samples)) as two:
        assert find_changes(one, two).ranges == ((1000, 1001 + NEAR), (5000, 5010))


def test_regions_alter_nothing_outside(tmp_path: Path) -> None:
    time = np.arange(2 * RATE)[:, None] / RATE
    one = np.rint(9000 * np.sin(2 * np.pi * 60 * time)).astype(np.int16)
    two = np.rint(9000 * np.cos(2 * np.pi * 60 * time) - 4000).astype(np.int16)
    with open_bytes(wav(one)) as ours, open_bytes(wav(two)) as theirs:
        takes = {OURS: ours, THEIRS: theirs}
        plan = plan_regions(takes, [Region(4000, 6000, THEIRS), Region(9000, None, THEIRS)])
        write_plan(plan, takes, takes[plan.shape], tmp_path / "a.wav")
        samples = decode((tmp_path / "a.wav").read_bytes())
        assert (samples[:4000] == one[:4000]).all()
        assert (samples[4040:5960] == two[4040:5960]).all()
        assert (samples[6000:9000] == one[6000:9000]).all()
        assert (samples[9040:] == two[9040:]).all()
        assert abs(np.diff(samples.astype(int), axis=0)).max() < 1000
        with pytest.raises(UsageError, match=r"only 2\.000 s"):
            plan_regions(takes, [Region(4000, 16001, THEIRS)])


def test_the_sum_of_two_takes(tmp_path: Path) -> None:
    longer = np.concatenate([take(2), new(3)])
    with open_bytes(wav(BASE_TAKE)) as one, open_bytes(wav(longer)) as two:
        write_sum(one, two, 0.25, tmp_path / "a.wav")
    padded = np.zeros(longer.shape)
    padded[: len(BASE_TAKE)] = BASE_TAKE
    assert (decode((tmp_path / "a.wav").read_bytes()) == np.rint(0.75 * padded + 0.25 * longer)).all()


def test_rows_of_every_format() -> None:
    for subtype, highest in (("PCM_U8", 127), ("PCM_16", 32767), ("PCM_24", 8388607), ("PCM_32", 2147483647)):
        file = io.BytesIO()
        soundfile.write(file, take(1).astype(np.int32) << 16, RATE, subtype, format="WAV")
        with open_bytes(file.getvalue()) as sound:
            rows = sound.read(0, 100)
            values = decode_rows(rows, sound.layout)
            assert (encode_rows(values, sound.layout)[0] == rows).all()
            _, clipped = encode_rows(np.full((2, 2), highest + 1.0), sound.layout)
            assert clipped == 4


@pytest.mark.parametrize("data", [b"", b"no sound", b"RIFF\0\0\0\0WAVE", b"fLaC" + bytes(60)])
def test_what_holds_no_frames(data: bytes) -> None:
    with pytest.raises(AudioError):
        open_bytes(data)


def test_a_gain_over_hits_with_silence_between(tmp_path: Path) -> None:
    base = np.zeros((4 * RATE, 2), np.int16)
    for second in (0.5, 1.5, 2.5):
        base = put(base, second, new(2, 0.1))
    put_in = put(put(base, 1.5, new(3, 0.1)), 3.5, new(4, 0.1))
    for sides in ((scale(base, -4), put_in), (put_in, scale(base, -4))):
        merged = splice(wav(base), wav(sides[0]), wav(sides[1]), tmp_path)
        assert isinstance(merged, bytes)
        assert (decode(merged) == scale(put_in, -4)).all()


def test_a_gain_over_a_part_of_the_sound(tmp_path: Path) -> None:
    quieter = put(BASE_TAKE, 0.5, scale(BASE_TAKE[4000:12000], -6))
    put_in = put(BASE_TAKE, 0.75, new(2))
    merged = splice(wav(BASE_TAKE), wav(quieter), wav(put_in), tmp_path)
    assert isinstance(merged, bytes)
    assert (decode(merged) == put(quieter, 0.75, scale(new(2), -6))).all()
