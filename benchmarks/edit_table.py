"""The edits that `benchmarks.edits` makes: a name, a shell line, and what is true of it.

Every line can be typed as it is in a folder with ``old.wav`` (16 bits, its peak at -6 dB), ``fine.wav`` (the same in 24
bits) and ``other.wav`` (another piece, as long and of the same shape), and writes ``new.wav``.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.editing import (
    Edit,
    Piece,
    claim,
    coded,
    depth,
    eq,
    fade,
    ffmpeg,
    join,
    maybe,
    moved,
    region,
    shifted,
    sox,
)
from benchmarks.truth import Truth

# There is no word for these: the same take, and something with it.
EFFECT = Truth(gains_db=None, rest=True, take="maybe", allowed=("gain", "balance", "eq", "level", "width"))
SQUEEZED = Truth(gains_db=None, level=True, allowed=("gain", "balance", "residual"))
NEW = Truth(take="yes")
IDENTICAL = Truth((claim("identical"),))
INVERTED = claim("polarity", channels="all")


def all_edits(piece: Piece) -> list[Edit]:
    """Return the table for a piece."""
    tables = (
        _levels,
        _channels,
        _tone,
        _effects,
        _fades,
        _regions,
        _places,
        _speeds,
        _files,
        _takes,
        _together,
    )
    edits = [edit for table in tables for edit in table(piece)]
    return [edit for edit in edits if (piece.channels == 2 and piece.wide) or not edit.needs_stereo]


def _levels(piece: Piece) -> Iterator[Edit]:
    for db in (-3.0, 2.5, -0.1, -20.0):
        yield sox(f"gain {db:+g} dB", f"vol {db}dB", Truth(gains_db=db))
    yield ffmpeg("gain -1.5 dB (ffmpeg)", "volume=-1.5dB", Truth(gains_db=-1.5))
    dithered = Truth(gains_db=-3.0, rest=True, allowed=("bit_depth",))
    noisy = Truth((depth("PCM_16", "PCM_16", True),), -3.0)
    yield Edit(
        "gain -3 dB, dithered", "sox old.wav new.wav vol -3dB dither", (dithered, noisy, Truth(gains_db=-3.0))
    )
    yield sox("normalised to -1 dB", "norm -1", Truth(gains_db=5.0))
    yield sox("gain +12 dB into clipping", "vol 12dB", replace(SQUEEZED, about_db=12.0, level=False))
    yield sox("polarity", "vol -1", Truth((INVERTED,)))
    yield sox("DC offset", "dcshift 0.02", Truth(rest=True))
    yield sox("compressor (sox)", "compand 0.02,0.3 6:-50,-50,-30,-22,0,-10 -2 -20 0.02", SQUEEZED)
    squeeze = "acompressor=threshold=-22dB:ratio=4:attack=15:release=200"
    yield ffmpeg("compressor (ffmpeg)", squeeze, SQUEEZED)
    looks_ahead = int(0.005 * piece.sample_rate) - 1
    limited = Truth((maybe("deleted"),), None, level=True, allowed=SQUEEZED.allowed)
    yield ffmpeg("limiter", "alimiter=limit=0.25:level=disabled", *shifted(limited, looks_ahead))
    yield sox("tremolo", "tremolo 0.5 60", SQUEEZED)


def _channels(piece: Piece) -> Iterator[Edit]:
    def widened(width: float) -> Truth:
        return Truth((claim("width", width=width),))

    right = Truth((claim("polarity", channels=[1]),))
    yield sox("channels swapped", "remix 2 1", Truth((claim("channel_swap"),)), stereo=True)
    yield sox("polarity of the right", "remix 1 2i", right, stereo=True)
    yield sox("balance -4 dB left", "remix 1v0.63095734 2", Truth(gains_db=(-4.0, 0.0)), stereo=True)
    yield sox("width 50 %", "remix 1v0.75,2v0.25 1v0.25,2v0.75", widened(0.5), stereo=True)
    yield sox("width 140 %", "remix 1v1.2,2v-0.2 1v-0.2,2v1.2", widened(1.4), stereo=True)
    yield sox("mono sum in two channels", "remix 1v0.5,2v0.5 1v0.5,2v0.5", widened(0.0), stereo=True)
    one = Truth((claim("channels", before=2, after=1),))
    yield sox("mono sum in one channel", "remix 1v0.5,2v0.5", one, stereo=True)
    if piece.channels == 1:
        yield sox("one channel to two", "remix 1 1", Truth((claim("channels", before=1, after=2),)))


def _tone(piece: Piece) -> Iterator[Edit]:
    def filtered(*bands: tuple[str, float, float | None]) -> Truth:
        return Truth((eq(*bands),), response=True)

    yield sox("EQ peak 1 kHz +4 dB", "equalizer 1000 1.0q 4", filtered(("peak", 1000, 4.0)))
    yield sox("EQ peak 300 Hz -2 dB, wide", "equalizer 300 0.5q -2", filtered(("peak", 300, -2.0)))
    yield sox("EQ peak 500 Hz -12 dB, narrow", "equalizer 500 4q -12", filtered(("peak", 500, -12.0)))
    yield sox("EQ low shelf 150 Hz +3 dB", "bass 3 150 0.7q", filtered(("low_shelf", 150, 3.0)))
    yield sox("EQ high shelf 4 kHz -5 dB", "treble -5 4000 0.7q", filtered(("high_shelf", 4000, -5.0)))
    yield sox("EQ low pass 3 kHz, gentle", "lowpass -1 3000", filtered(("low_pass", 3000, None)))
    yield sox("EQ high pass 200 Hz", "highpass 200", filtered(("high_pass", 200, None)))
    yield sox("EQ low pass 4 kHz, steep", "sinc -4000", filtered(("low_pass", 4000, None)))
    three = filtered(("low_shelf", 120, -3.0), ("peak", 900, 3.0), ("high_shelf", 6000, 2.0))
    bands = "bass=g=-3:f=120:t=q:w=0.7,equalizer=f=900:t=q:w=1.2:g=3,treble=g=2:f=6000:t=q:w=0.7"
    yield ffmpeg("EQ three bands (ffmpeg)", bands, three)


def _effects(piece: Piece) -> Iterator[Edit]:
    yield sox("reverb", "vol -4dB reverb 40", EFFECT)
    yield sox("reverb, little", "vol -3dB reverb 10 50 30", EFFECT)
    tail = replace(EFFECT, claims=(maybe("inserted"),))
    yield sox("echo", "echo 0.8 0.7 180 0.3", tail)
    yield sox("chorus", "chorus 0.6 0.8 40 0.4 0.25 2 -t", tail)
    yield sox("flanger", "flanger", EFFECT)
    yield sox("overdrive", "vol -6dB overdrive 20", EFFECT)
    yield ffmpeg("bit crusher", "acrusher=bits=4:mix=0", EFFECT)
    hiss = f"sox -r {piece.sample_rate} -c {piece.channels} -n -p synth {piece.frames}s pinknoise vol 0.004"
    yield Edit("hiss added", f"sox -D -m -v 1 old.wav -v 1 '|{hiss}' -b 16 new.wav", (Truth(rest=True),))


def _fades(piece: Piece) -> Iterator[Edit]:
    frames, long, longer = piece.frames, piece.long, piece.frames // 4
    rising = Truth((fade("in", 0, longer),), None)
    falling = Truth((fade("out", frames - longer, longer),), None)
    yield sox("fade in, linear", f"fade t {longer}s", rising)
    yield sox("fade in, quarter sine", f"fade q {longer}s", rising)
    yield sox("fade out, linear", f"fade t 0 {frames}s {longer}s", falling)
    short = Truth((fade("out", frames - long, long),), None)
    yield sox("fade out, half cosine", f"fade h 0 {frames}s {long}s", short)
    shaped = f"afade=t=out:ss={frames - longer}:ns={longer}:curve=exp"
    yield ffmpeg("fade out, exponential (ffmpeg)", shaped, falling)


def _regions(piece: Piece) -> Iterator[Edit]:
    start, long, late, frames = piece.third, piece.long, piece.late, piece.frames
    end = start + long
    head, tail = ("old.wav", 0, start), ("old.wav", end, frames - end)
    yield Edit("mute", join(head, ("silence", 0, long), tail), (Truth((region("muted", start, long),)),))
    nearer = ((start // 2, start // 2), (frames - long - 99, frames - 99))
    yield Edit("cut", join(head, tail), (Truth((region("deleted", start, long),), places=nearer),))
    later = ((start // 2, start // 2), (frames + long - 99, frames - 99))
    inserted = Truth((region("inserted", start, long),), places=later)
    whole_tail = ("old.wav", start, frames - start)
    yield Edit("silence inserted", join(head, ("silence", 0, long), whole_tail), (inserted,))
    yield Edit("other material inserted", join(head, ("other.wav", start, long), whole_tail), (inserted,))
    replaced = region("replaced", start, long)
    yield Edit("stretch replaced", join(head, ("other.wav", late, long), tail), (Truth((replaced,)),))
    two = Truth((replaced, region("replaced", late, long)))
    between, rest = ("old.wav", end, late - end), ("old.wav", late + long, frames - late - long)
    line = join(head, ("other.wav", late, long), between, ("other.wav", 0, long), rest)
    yield Edit("two stretches replaced", line, (two,))
    when = f"between(t,{piece.write_seconds(start)},{piece.write_seconds(end)})"
    quieter = f"volume=enable='{when}':volume=-6dB"
    yield ffmpeg("stretch 6 dB down (ffmpeg)", quieter, Truth(gains_db=None, level=True))
    elsewhere = Truth((region("deleted", start, long), region("inserted", late - long, long)))
    line = join(head, between, ("old.wav", start, long), ("old.wav", late, frames - late))
    yield Edit("stretch moved elsewhere", line, (elsewhere,))


def _places(piece: Piece) -> Iterator[Edit]:
    frames, long, middle = piece.frames, piece.long, piece.frames // 2
    yield sox("end trimmed", f"trim 0 {frames - long}s", Truth((region("deleted", frames - long, long),)))
    yield sox("end padded", f"pad 0 {long}s", Truth((region("inserted", frames, long),)))
    for count in (1, 441, 12345):
        name = f"{count} frame" + "s" * (count > 1)
        later, earlier = (Truth(places=((middle, middle - by),)) for by in (count, -count))
        cut_off = Truth((maybe("deleted"),), places=later.places)
        yield sox(f"{name} later", f"pad {count}s", *shifted(later, count))
        yield sox(f"{name} later, same length", f"pad {count}s trim 0 {frames}s", *shifted(cut_off, count))
        yield sox(f"{name} trimmed off the start", f"trim {count}s", *shifted(earlier, -count))
    half = Truth((moved(0.5), depth("PCM_16", "PCM_24")), allowed=("eq", "region"))
    twice = f"rate -v {2 * piece.sample_rate} pad 1s rate -v {piece.sample_rate}"
    yield Edit("half a frame later", f"sox -D old.wav -b 24 new.wav {twice}", (half,))


def _speeds(piece: Piece) -> Iterator[Edit]:
    def truth(ratio: float | None, semitones: float | None) -> Truth:
        claims = [claim("tempo", ratio=ratio)] if ratio else []
        claims += [claim("pitch", semitones=semitones)] if semitones else []
        return Truth(tuple(claims), gains_db=None, take="maybe", allowed=("residual", "gain", "eq"))

    yield sox("tempo +5 % (sox)", "tempo -m 1.05", truth(1.05, None))
    yield sox("tempo -12 % (sox)", "tempo -m 0.88", truth(0.88, None))
    yield ffmpeg("tempo +8 % (ffmpeg)", "atempo=1.08", truth(1.08, None))
    yield sox("speed +3 % (varispeed)", "speed 1.03", truth(1.03, 0.5117))
    yield sox("pitch +1 semitone", "pitch 100", truth(None, 1.0))
    yield sox("pitch -2 semitones", "pitch -200", truth(None, -2.0))


def _files(piece: Piece) -> Iterator[Edit]:
    rate = piece.other_rate
    resampled = Truth((claim("sample_rate", before=piece.sample_rate, after=rate),), allowed=("eq", "region"))
    yield Edit("sample rate (sox)", f"sox -D old.wav -r {rate} new.wav rate -v", (resampled,))
    yield Edit("sample rate (ffmpeg)", f"ffmpeg -i old.wav -ar {rate} new.wav", (resampled,))
    rounded, dithered = (Truth((depth("PCM_24", "PCM_16", dither),)) for dither in (False, True))
    yield Edit("24 to 16 bits, rounded", "sox -D fine.wav -b 16 new.wav", (rounded,), "fine.wav")
    yield Edit("24 to 16 bits, dithered", "sox fine.wav -b 16 new.wav dither", (dithered,), "fine.wav")
    if piece.sample_rate in (44100, 48000):
        yield Edit(
            "24 to 16 bits, shaped dither", "sox fine.wav -b 16 new.wav dither -s", (dithered,), "fine.wav"
        )
    yield Edit("16 to 24 bits", "sox -D old.wav -b 24 new.wav", (Truth((depth("PCM_16", "PCM_24"),)),))
    to_float = Truth((depth("PCM_16", "FLOAT"),))
    yield Edit("16 bits to float", "ffmpeg -i old.wav -c:a pcm_f32le new.wav", (to_float,))
    yield Edit(
        "16 to 24 to 16 bits", "sox -D old.wav -b 24 a.wav && sox -D a.wav -b 16 new.wav", (IDENTICAL,)
    )
    yield Edit(
        "FLAC and back", "flac -s -f -o a.flac old.wav && flac -s -d -f -o new.wav a.flac", (IDENTICAL,)
    )
    yield Edit("WAV to AIFF", "sox -D old.wav new.aiff", (IDENTICAL,), after="new.aiff")
    yield Edit("tags written", "ffmpeg -i old.wav -c copy -metadata title=tagged new.wav", (IDENTICAL,))
    lossy = Truth(
        (claim("lossy"), maybe("inserted"), maybe("deleted")), None, allowed=("residual", "eq", "gain")
    )
    yield coded("MP3 192 kbit/s and back", "-b:a 192k", "a.mp3", piece.sample_rate, lossy)
    yield coded("MP3 96 kbit/s and back", "-b:a 96k", "a.mp3", piece.sample_rate, lossy)
    if piece.sample_rate == 44100:
        # Without its tag nobody knows the encoder's delay: 576 and 529 frames.
        late = shifted(lossy, 1105)
        yield coded("MP3 and back, with its delay", "-b:a 160k -write_xing 0", "a.mp3", 44100, *late)
    yield coded("Ogg Vorbis and back", "-c:a libvorbis -q:a 5", "a.ogg", piece.sample_rate, lossy)
    yield coded("Opus and back", "-c:a libopus -b:a 128k", "a.opus", piece.sample_rate, lossy)


def _takes(piece: Piece) -> Iterator[Edit]:
    everything = [
        Truth((region(action, 0, piece.frames),), None) for action in ("muted", "inserted", "replaced")
    ]
    yield sox("silence", "vol 0", everything[0], NEW)
    line = "sox -D old.wav a.wav vol 0 && cp old.wav new.wav"
    yield Edit("silence before", line, (NEW, *everything[1:]), "a.wav")
    yield sox("reversed", "reverse", NEW)
    yield Edit("another piece", "cp other.wav new.wav", (NEW,))
    noise = f"synth {piece.frames}s pinknoise vol 0.3"
    line = f"sox -D -r {piece.sample_rate} -c {piece.channels} -n -b 16 new.wav {noise}"
    yield Edit("noise", line, (NEW,))
    play = f"fluidsynth -ni -g 0.6 -r {piece.sample_rate} -T wav -F {{}}.wav $SOUNDFONT {{}}.mid".format
    ends = (maybe("inserted"), maybe("deleted"))
    alike = Truth(ends, gains_db=None, rest=True, take="maybe", allowed=("gain", "balance", "eq", "level"))
    for name, tune, truths in (
        ("another instrument", "organ", (NEW,)),
        ("by hand", "human", (NEW, alike)),
        ("other velocities", "softer", (NEW, alike)),
    ):
        line = f"{play('a', 'tune')} && {play('new', tune)}"
        yield Edit(f"the same tune, {name}", line, truths, "a.wav")


def _together(piece: Piece) -> Iterator[Edit]:
    start, long, frames, rate = piece.third, piece.long, piece.frames, piece.other_rate
    end = start + long
    yield sox("gain -2 dB, 2205 frames later", "vol -2dB pad 2205s", *shifted(Truth(gains_db=-2.0), 2205))
    crossed = Truth((INVERTED, claim("channel_swap")), -6.0)
    yield sox("polarity, gain -6 dB, swap", "vol -6dB vol -1 remix 2 1", crossed, stereo=True)
    replaced = region("replaced", start, long)
    parts = (("old.wav", 0, start), ("other.wav", 7, long), ("old.wav", end, frames - end))
    yield Edit("gain -4 dB, stretch replaced", join(*parts, effects="vol -4dB"), (Truth((replaced,), -4.0),))
    peak = Truth((eq(("peak", 1200, 4.0)), replaced), response=True)
    line = join(*parts, effects="vol -3dB equalizer 1200 1q 4")
    yield Edit("EQ, gain -3 dB, stretch replaced", line, (peak,))
    shelf = Truth((eq(("high_shelf", 5000, 3.0)),), response=True)
    late = shifted(shelf, 500)
    yield sox("EQ, gain -3 dB, 500 frames later", "vol -3dB treble 3 5000 0.7q pad 500s", *late)
    resampled = Truth(
        (claim("sample_rate", before=piece.sample_rate, after=rate),), -2.5, allowed=("eq", "region")
    )
    line = f"sox -D old.wav -r {rate} new.wav vol -2.5dB rate -v"
    yield Edit("sample rate, gain -2.5 dB", line, (resampled,))
    longer = frames // 4
    falling = Truth((fade("out", frames - 1000 - longer, longer),), None)
    effects = f"trim 1000s fade t 0 {frames - 1000}s {longer}s"
    yield sox("start trimmed, faded out", effects, *shifted(falling, -1000))
    line = join(parts[0], parts[2], effects="vol -1dB")
    yield Edit("cut, gain -1 dB", line, (Truth((region("deleted", start, long),), -1.0),))
    less = Truth((depth("PCM_24", "PCM_16", True),), -3.0)
    yield Edit("24 to 16 bits, gain -3 dB", "sox fine.wav -b 16 new.wav vol -3dB dither", (less,), "fine.wav")
