"""What `benchmarks.edit_table` is written in: edits as shell lines, places in a piece, claims about what is true."""

from dataclasses import dataclass, replace

from benchmarks.truth import Claim, Truth

PROGRAMS = ("sox", "ffmpeg", "flac", "fluidsynth")


@dataclass(frozen=True)
class Edit:
    """One edit: a shell line that makes ``after`` of ``before``, and the accounts of it that are true."""

    name: str
    line: str
    truths: tuple[Truth, ...]
    before: str = "old.wav"
    after: str = "new.wav"
    needs_stereo: bool = False

    def programs(self) -> set[str]:
        """Return what has to be installed."""
        words = self.line.replace("|", " ").replace("'", " ").split()
        return {word for word in words if word in PROGRAMS}


@dataclass(frozen=True)
class Piece:
    """The shape of a piece, and places in it, in frames; ``wide`` when its two channels differ."""

    sample_rate: int
    channels: int
    frames: int
    wide: bool = True

    @property
    def third(self) -> int:
        """Where most edits of a stretch begin; on no round number."""
        return self.frames // 3 + 17

    @property
    def long(self) -> int:
        """How long a stretch is edited."""
        return self.frames // 8 + 5

    @property
    def late(self) -> int:
        """Where a second stretch begins."""
        return self.frames * 3 // 4 + 3

    @property
    def other_rate(self) -> int:
        """A sample rate that it does not have."""
        return 44100 if self.sample_rate == 48000 else 48000

    def write_seconds(self, frame: int) -> str:
        """Write a place in seconds, exactly enough."""
        return f"{frame / self.sample_rate:.7f}"


def sox(name: str, effects: str, *truths: Truth, stereo: bool = False) -> Edit:
    """Return an edit by sox's effects, without its dither."""
    return Edit(name, f"sox -D old.wav new.wav {effects}", truths, needs_stereo=stereo)


def ffmpeg(name: str, filters: str, *truths: Truth, bits: int = 16) -> Edit:
    """Return an edit by ffmpeg's filters."""
    return Edit(name, f'ffmpeg -i old.wav -af "{filters}" -c:a pcm_s{bits}le new.wav', truths)


def coded(name: str, options: str, file: str, rate: int, *truths: Truth) -> Edit:
    """Return a round trip through a lossy file."""
    back = f"ffmpeg -i {file} -ar {rate} -c:a pcm_s16le new.wav"
    return Edit(name, f"ffmpeg -i old.wav {options} {file} && {back}", truths)


def join(*parts: tuple[str, int, int], effects: str = "") -> str:
    """Return the line that puts stretches (file, first frame, frames) one after the other; ``silence`` is none."""
    pipes = []
    for name, start, frames in parts:
        file, muted = ("old.wav", " vol 0") if name == "silence" else (name, "")
        pipes.append(f"'|sox {file} -p trim {start}s {frames}s{muted}'")
    return f"sox -D {' '.join(pipes)} -b 16 new.wav {effects}".strip()


def claim(kind: str, **figures: object) -> Claim:
    """Return a claim."""
    return Claim(kind, figures)


def moved(frames: float) -> Claim:
    """Return the claim that all is so much later."""
    return claim("moved", offset_frames=frames)


def region(action: str, start: int, frames: int) -> Claim:
    """Return the claim that something became of a stretch; a deleted one was there in the old sound too."""
    figures = {"action": action, "start_frame": start, "frames": frames}
    return Claim("region", figures | ({"source_frame": start} if action == "deleted" else {}))


def maybe(action: str) -> Claim:
    """Return the claim that a stretch somewhere may be told about, as one is that falls off the end."""
    return Claim("region", {"action": action}, optional=True)


def depth(before: str, after: str, dither: bool = False) -> Claim:
    """Return the claim that samples have another width."""
    return claim("bit_depth", before=before, after=after, dither=dither)


def eq(*bands: tuple[str, float, float | None]) -> Claim:
    """Return the claim that there are these bands: type, Hz, dB."""
    return claim("eq", bands=bands)


def fade(direction: str, start: int, frames: int) -> Claim:
    """Return the claim that a stretch fades; where its curve is flat nobody can hear that it has begun."""
    figures = {"direction": direction, "start_frame": start, "frames": frames}
    return Claim("fade", figures, slack=max(frames // 5, 2205))


def shifted(truth: Truth, frames: int) -> tuple[Truth, Truth]:
    """Return both ways to say that all is later or (less than 0) earlier: moved, or something put before, or cut."""
    other = region("inserted", 0, frames) if frames > 0 else region("deleted", 0, -frames)
    return (
        replace(truth, claims=(*truth.claims, moved(frames))),
        replace(truth, claims=(*truth.claims, other)),
    )
