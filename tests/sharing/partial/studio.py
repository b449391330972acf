"""A track of three stems and a mix with four commits, and a depot that has it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Bf
from tests.world import write_tone

SCORE = """title = "night drive"
[mix]
file = "mix.wav"
[stems.beat]
file = "stems/drums.wav"
[stems.bass]
file = "stems/bass.wav"
[stems.vocals]
file = "stems/vocals.wav"
"""


@dataclass
class Studio:
    """Where everything is; ``sounds`` has the bytes of the last commit."""

    folder: Path
    bf: Bf
    depot: Path
    sounds: dict[str, bytes]

    def clone(self, *options: str, name: str = "clone") -> Bf:
        """Clone the depot, and return what runs commands there."""
        self.bf.ok("clone", self.depot, self.folder / name, *options)
        return Bf(self.folder / name, now=self.bf.now)


def build(folder: Path) -> Studio:
    """Make the track and push it. Drums and mix change with each commit; bass and vocals stay."""
    track = folder / "track"
    bf = Bf(track)
    track.mkdir(parents=True)
    bf.ok("init")
    (track / "track.toml").write_text(SCORE)
    sounds = {
        path: write_tone(track / path, 0.5, hz)
        for path, hz in (("stems/bass.wav", 110), ("stems/vocals.wav", 440))
    }
    for number in range(4):
        for path, hz in (("stems/drums.wav", 200), ("mix.wav", 300)):
            sounds[path] = write_tone(track / path, 0.5, hz + 10 * number)
        bf.ok("commit", "-m", f"version {number + 1}")
        if number == 2:
            bf.ok("tag", "v3")
    depot = folder / "depot"
    bf.ok("remote", "add", "origin", depot)
    bf.ok("push", "--all", "--tags")
    return Studio(folder, bf, depot, sounds)


def copy(studio: Studio, folder: Path) -> Studio:
    """Return one that may be changed."""
    target = folder / "studio"
    shutil.copytree(studio.folder, target)
    fresh = Studio(target, Bf(target / "track", now=studio.bf.now), target / "depot", studio.sounds)
    fresh.bf.ok("remote", "set-url", "origin", fresh.depot)
    return fresh
