"""The proof that stems sum to a mix: held, refused with the place and the amount, and why a sum cannot be."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.contract.summing import to_document, verify_sum, verify_track_sum
from beatflow.contract.sumtext import format_sum
from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import quantize
from beatflow.sound.fader import Fader
from beatflow.sound.mix import render_mix
from beatflow.sound.writing import write_audio

RATE = 8000
FRAMES = 150_000  # more than two blocks


def make_stems(subtype: str, channels: int = 2, frames: int = FRAMES) -> dict[str, Audio]:
    rng = np.random.default_rng(4)
    return {
        name: quantize(Audio(rng.uniform(-0.3, 0.3, (frames, channels)).astype(np.float32), RATE), subtype)
        for name in ("drums", "bass", "chords")
    }


def write_all(folder: Path, stems: dict[str, Audio], mix: Audio, subtype: str) -> tuple[Path, list[Path]]:
    (folder / "stems").mkdir(exist_ok=True)
    for name, audio in stems.items():
        write_audio(folder / "stems" / f"{name}.wav", audio, subtype)
    write_audio(folder / "mix.wav", mix, subtype)
    return folder / "mix.wav", [folder / "stems" / f"{name}.wav" for name in stems]


def add(stems: dict[str, Audio]) -> Audio:
    total = np.sum([audio.samples.astype(np.float64) for audio in stems.values()], axis=0)
    return Audio(total.astype(np.float32), RATE)


@pytest.mark.parametrize(
    ("subtype", "channels", "promise"),
    [("PCM_U8", 1, "exact"), ("PCM_16", 2, "exact"), ("PCM_24", 6, "exact"), ("FLOAT", 2, "float")],
)
def test_a_sum_that_holds(subtype: str, channels: int, promise: str, tmp_path: Path) -> None:
    stems = make_stems(subtype, channels)
    proof = verify_sum(*write_all(tmp_path, stems, add(stems), subtype))
    assert proof.held
    assert (proof.promise, proof.differing_samples, proof.first_frame) == (promise, 0, None)
    assert (proof.null_depth_db is None) == (promise == "exact")
    (line,) = format_sum(proof)
    assert "is the sum of its 3 stems" in line


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_the_first_difference_is_told(subtype: str, tmp_path: Path) -> None:
    """One step in one sample of the third block; in float, the smallest thing that no rounding explains."""
    stems = make_stems(subtype)
    mix = add(stems)
    step = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "FLOAT": 2.0**-18}[subtype]
    mix.samples[140_000, 1] += np.float32(step)
    proof = verify_sum(*write_all(tmp_path, stems, mix, subtype))
    assert not proof.held
    assert (proof.first_frame, proof.first_channel, proof.differing_samples) == (140_000, 1, 1)
    assert proof.first_difference == pytest.approx(step, rel=0.1)
    text = "\n".join(format_sum(proof))
    assert "first differs at frame 140000 (17.500 s), channel 2, by " in text
    assert ("1 step of PCM" in text) == (subtype != "FLOAT")
    depth = 10 * np.log10(step**2 / np.sum(np.square(mix.samples, dtype=np.float64)))
    # Of floats, their rounding is left as well.
    assert proof.null_depth_db == pytest.approx(depth, abs=0.1 if subtype != "FLOAT" else 6.0)
    assert to_document(proof)["held"] is False


def test_stems_that_are_finer_than_the_mix(tmp_path: Path) -> None:
    stems = make_stems("PCM_24")
    mix, files = write_all(tmp_path, stems, add(stems), "PCM_24")
    write_audio(mix, add(stems), "PCM_16")
    proof = verify_sum(mix, files)
    assert (proof.held, proof.promise) == (True, "rounded")
    louder = add(stems)
    louder.samples[7] += np.float32(2.0**-15)
    write_audio(mix, louder, "PCM_16")
    assert verify_sum(mix, files).first_frame == 7


def test_why_a_sum_cannot_be(tmp_path: Path) -> None:
    stems = make_stems("PCM_16")
    mix, (drums, bass, chords) = write_all(tmp_path, stems, add(stems), "PCM_16")
    write_audio(drums, Audio(stems["drums"].samples, 16_000))
    write_audio(bass, Audio(stems["bass"].samples[:, :1], RATE))
    write_audio(chords, Audio(stems["chords"].samples[:-12], RATE))
    proof = verify_sum(mix, [drums, bass, chords], "mix", ["drums", "bass", "chords"])
    assert not proof.held
    assert proof.reasons == (
        "drums is at 16000 Hz, the mix at 8000 Hz",
        "bass has 1 channel, the mix 2",
        "chords is 12 frames shorter than the mix",
    )
    assert [line.strip() for line in format_sum(proof)][1:] == list(proof.reasons)
    assert proof.first_frame is proof.null_depth_db is None


def test_silence_and_what_a_silent_mix_hides(tmp_path: Path) -> None:
    silence = Audio(np.zeros((100, 1), np.float32), RATE)
    mix, files = write_all(tmp_path, {"a": silence, "b": silence}, silence, "PCM_16")
    assert verify_sum(mix, files).held
    write_audio(files[0], Audio(np.full((100, 1), 0.5, np.float32), RATE))
    assert verify_sum(mix, files).null_depth_db == 200.0


def test_what_is_no_sum_to_prove(tmp_path: Path) -> None:
    stems = make_stems("FLOAT", frames=100)
    mix, files = write_all(tmp_path, stems, add(stems), "FLOAT")
    with pytest.raises(UsageError, match="no stems"):
        verify_sum(mix, [])
    with pytest.raises(AudioError, match="does not exist"):
        verify_sum(mix, [tmp_path / "nono.wav"])
    data = bytearray(files[1].read_bytes())
    data[-4:] = np.float32("nan").tobytes()
    files[1].write_bytes(data)
    with pytest.raises(AudioError, match="not numbers"):
        verify_sum(mix, files)
    write_audio(mix, Audio(np.zeros((0, 2), np.float32), RATE), "FLOAT")
    assert "holds no samples" in verify_sum(mix, [files[0]]).reasons[0]


def write_score(folder: Path, faders: str = "") -> None:
    names = "".join(
        f'[stems.{name}]\nfile = "stems/{name}.wav"\n{faders if name == "bass" else ""}\n'
        for name in ("drums", "bass", "chords")
    )
    (folder / "track.toml").write_text(f'[mix]\nfile = "mix.wav"\n{names}')


def test_the_sum_that_track_toml_names(tmp_path: Path) -> None:
    stems = make_stems("PCM_16")
    write_all(tmp_path, stems, add(stems), "PCM_16")
    with pytest.raises(UsageError, match=r"no track\.toml"):
        verify_track_sum(tmp_path)
    (tmp_path / "track.toml").write_text('title = "x"\n')
    with pytest.raises(UsageError, match="names no stems"):
        verify_track_sum(tmp_path)
    write_score(tmp_path)
    proof = verify_track_sum(tmp_path)
    assert (proof.held, proof.faders, proof.stems[0]) == (True, False, "stems/drums.wav")


def test_the_sum_through_the_faders(tmp_path: Path) -> None:
    stems = make_stems("PCM_16")
    write_all(tmp_path, stems, add(stems), "PCM_16")
    write_score(tmp_path, "gain_db = -3.5\npan = 0.25\noffset = 11\n")
    plain = verify_track_sum(tmp_path)
    assert (plain.held, plain.faders) == (False, True)
    assert any("it is the plain sum" in reason for reason in plain.reasons)
    mix, clipped = render_mix(stems, {"bass": Fader(-3.5, 0.25, offset=11)}, "PCM_16")
    assert not clipped
    write_audio(tmp_path / "mix.wav", mix)
    proof = verify_track_sum(tmp_path)
    assert (proof.held, proof.faders, proof.promise) == (True, True, "exact")
    assert "through the faders of track.toml" in next(format_sum(proof))
    mix.samples[30] *= np.float32(0.5)
    write_audio(tmp_path / "mix.wav", mix)
    assert verify_track_sum(tmp_path).first_frame == 30


def test_faders_beyond_the_range_clip_as_a_mix_does(tmp_path: Path) -> None:
    stems = make_stems("PCM_16")
    mix, clipped = render_mix(stems, {"bass": Fader(12.0)}, "PCM_16")
    write_all(tmp_path, stems, mix, "PCM_16")
    write_score(tmp_path, "gain_db = 12.0\n")
    proof = verify_track_sum(tmp_path)
    assert (proof.held, proof.clipped_samples) == (True, clipped)
    assert clipped > 0


def test_stems_of_other_shapes_through_faders(tmp_path: Path) -> None:
    stems = make_stems("PCM_16")
    write_all(tmp_path, stems, add(stems), "PCM_16")
    write_score(tmp_path, "mute = true\n")
    write_audio(tmp_path / "stems" / "bass.wav", Audio(stems["bass"].samples, 16_000))
    assert "16000 Hz" in verify_track_sum(tmp_path).reasons[0]
    write_audio(tmp_path / "stems" / "bass.wav", Audio(stems["bass"].samples[:0], RATE))
    write_audio(tmp_path / "mix.wav", Audio(stems["bass"].samples[:99], RATE))
    assert "the mix has 99" in verify_track_sum(tmp_path).reasons[0]


def test_stems_that_end_early_and_mono_ones(tmp_path: Path) -> None:
    stems = make_stems("PCM_16")
    stems["bass"] = Audio(stems["bass"].samples[:-9], RATE)
    stems["chords"] = Audio(stems["chords"].samples[:, :1], RATE)
    mix, clipped = render_mix(stems, {}, "PCM_16")
    assert not clipped
    write_all(tmp_path, stems, mix, "PCM_16")
    write_score(tmp_path)
    proof = verify_track_sum(tmp_path)
    assert (proof.held, proof.faders, proof.promise) == (True, False, "exact")
    assert "through the faders" not in next(format_sum(proof))
    mix.samples[30] *= np.float32(0.5)
    write_audio(tmp_path / "mix.wav", mix)
    proof = verify_track_sum(tmp_path)
    assert (proof.held, proof.first_frame) == (False, 30)
    write_audio(tmp_path / "mix.wav", Audio(np.pad(mix.samples, ((0, 5), (0, 0))), RATE))
    assert any("shorter than the mix" in reason for reason in verify_track_sum(tmp_path).reasons)


def test_a_plain_mix_that_clips_is_no_sum(tmp_path: Path) -> None:
    loud = Audio(np.full((200, 2), 0.75, np.float32), RATE)
    stems = {"drums": loud, "bass": Audio(loud.samples[:100], RATE), "chords": loud}
    mix, clipped = render_mix(stems, {}, "PCM_16")
    assert clipped
    write_all(tmp_path, stems, mix, "PCM_16")
    write_score(tmp_path)
    proof = verify_track_sum(tmp_path)
    assert (proof.held, proof.reasons) == (False, (f"{clipped} samples clipped where it is mixed",))
