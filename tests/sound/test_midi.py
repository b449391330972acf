"""Notes to Standard MIDI and back."""

import io
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import AudioError, UsageError
from beatflow.sound.midi import parse_meter, read_midi, write_midi
from beatflow.sound.note import Note

TRACKS = {
    "drums": (Note(0.0, 0.1, 36, 110), Note(0.5, 0.1, 38, 100)),
    "bass": (Note(0.0, 0.4, 33), Note(0.5, 0.5, 33), Note(1.0, 0.5, 40, 1)),
}


def midi_bytes(tracks, tempo=120.0, meter="4/4"):
    buffer = io.BytesIO()
    write_midi(buffer, tracks, tempo, meter)
    return buffer.getvalue()


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "song.mid"
    write_midi(path, TRACKS, 120.0, "6/8")
    score = read_midi(path)
    assert (score.tempo, score.meter) == (120.0, "6/8")
    assert list(score.tracks) == ["drums", "bass"]
    for name, notes in TRACKS.items():
        for wanted, found in zip(notes, score.tracks[name], strict=True):
            assert (found.midi, found.velocity) == (wanted.midi, wanted.velocity)
            # Half a tick at 120 BPM and 960 ticks per beat.
            assert found.start_s == pytest.approx(wanted.start_s, abs=0.26e-3)
            assert found.duration_s == pytest.approx(wanted.duration_s, abs=0.53e-3)


@given(
    st.lists(
        st.builds(Note, st.floats(0, 60), st.floats(0.01, 3), st.integers(0, 127), st.integers(1, 127)),
        unique_by=lambda note: note.midi,
        max_size=8,
    ),
    st.floats(40, 240),
)
def test_any_notes_survive_to_within_a_tick(notes, tempo):
    score = read_midi(io.BytesIO(midi_bytes({"melody": notes}, tempo)))
    tick = 60 / tempo / 960
    found = score.tracks.get("melody", ())
    assert sorted(note.midi for note in found) == sorted(note.midi for note in notes)
    by_pitch = {note.midi: note for note in found}
    for note in notes:
        # The tempo itself is stored in whole microseconds per beat: up to 2e-6 of the time at 240 BPM.
        assert by_pitch[note.midi].start_s == pytest.approx(note.start_s, abs=tick + 3e-6 * note.start_s)
        assert by_pitch[note.midi].duration_s == pytest.approx(note.duration_s, abs=1.1 * tick)


def test_drums_play_on_channel_ten_and_nothing_else_does():
    many = {"drums": TRACKS["drums"], **{f"part {i}": TRACKS["bass"] for i in range(12)}}
    midi = mido.MidiFile(file=io.BytesIO(midi_bytes(many)))
    channels = [
        {message.channel for message in track if message.type == "note_on"} for track in midi.tracks[1:]
    ]
    assert channels[0] == {9}
    assert all(9 not in used for used in channels[1:])
    assert len(set().union(*channels)) == 13


def test_the_same_notes_give_the_same_bytes():
    assert midi_bytes(TRACKS) == midi_bytes({name: list(notes) for name, notes in TRACKS.items()})


def test_a_tempo_change_moves_what_follows_it():
    midi = mido.MidiFile(type=0, ticks_per_beat=100)
    midi.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("note_on", note=60, time=100),
                mido.MetaMessage("set_tempo", tempo=1_000_000, time=100),
                mido.Message("note_on", note=60, velocity=0, time=100),
                mido.Message("note_on", note=64, time=0),
            ]
        )
    )
    buffer = io.BytesIO()
    midi.save(file=buffer)
    score = read_midi(io.BytesIO(buffer.getvalue()))
    # 120 BPM until the change at 200 ticks (1 s), then a beat lasts a second; the second note never ends.
    assert score.tracks == {"track 0": (Note(0.5, 1.5, 60, 64), Note(2.0, 0.0, 64, 64))}
    assert (score.tempo, score.meter) == (120.0, "4/4")


@pytest.mark.parametrize("data", [b"", b"RIFF....", b"MThd\0\0\0\6\0\1\0\1", midi_bytes(TRACKS)[:60]])
def test_what_is_no_midi_file_is_said(data):
    with pytest.raises(AudioError, match="not a MIDI file"):
        read_midi(io.BytesIO(data))


@pytest.mark.parametrize("meter", ["", "4", "4/3", "0/4", "x/4", "4/4/4"])
def test_nonsense_meters_are_refused(meter):
    with pytest.raises(UsageError, match="not a meter"):
        parse_meter(meter)


def test_notes_and_tempi_beyond_midi_are_refused():
    with pytest.raises(UsageError, match="melody holds a note"):
        midi_bytes({"melody": [Note(0, 1, 128)]})
    with pytest.raises(UsageError, match="tempo of 2 BPM"):
        midi_bytes({}, tempo=2)


def test_a_midi_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    write_midi(path, {"melody": [Note(0.0, 0.5, 60)]}, 90.0)
    before = path.read_bytes()
    with pytest.raises(UsageError):
        write_midi(path, {"melody": [Note(0.0, 0.5, 200)]}, 90.0)
    assert [one.name for one in tmp_path.iterdir()] == ["tune.mid"]
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match="no folder"):
        write_midi(tmp_path / "nono" / "tune.mid", {}, 90.0)
    write_midi("/dev/null", {}, 90.0)
    assert Path("/dev/null").is_char_device()
