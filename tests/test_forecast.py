"""Which sounds are looked at as sources, and in which order; and that many files do not make it slow."""

from pathlib import Path

import pytest

from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import Entry, Tree
from beatflow.objects.pointer import Pointer, encode_pointer
from beatflow.objects.sources import SourceFile
from beatflow.objects.store import AudioStore
from beatflow.predicting.forecast import Forecast
from tests.world import write_tone

MODE = 0o100644


class World:
    """A folder whose files are stored; what a path is predicted from is named by paths."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, str] = {}
        self.audio = AudioStore.create(folder / "audio")
        self.git = GitStore.create(folder / "git")

    def put(self, batch_path: str, hz: float) -> tuple[Entry, Path]:
        """Store a sound and return its entry."""
        path = self.folder / batch_path
        write_tone(path, 0.2, hz)
        with self.audio.batch() as batch:
            stored = batch.add_path(path)
            batch.publish()
        self.names[stored.oid] = batch_path
        entry = Entry(MODE, self.git.write_blob(encode_pointer(Pointer(stored.oid, stored.size))))
        return entry, path

    def text(self, content: bytes) -> Entry:
        """Keep a file that is no sound."""
        return Entry(MODE, self.git.write_blob(content))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_order_puts_stems_before_what_they_make(world: World) -> None:
    with world.audio.batch() as batch:
        forecast = Forecast(world.git, batch, {})
        paths = ["Mix.wav", "stems/a.wav", "b.wav", "stems/deep/c.wav", "stems/master_v2.wav"]
        assert sorted(paths, key=forecast.order) == [
            "stems/deep/c.wav",
            "stems/a.wav",
            "b.wav",
            "stems/master_v2.wav",
            "Mix.wav",
        ]


def advised(world: World, former: Tree, present: list[str], path: str) -> tuple[list[str], list[str]]:
    """Return the paths of versions and siblings of one path, all others of `present` noted before it."""
    found: list[list[str]] = []

    def name(sources: list[SourceFile]) -> list[str]:
        by_chunk = {
            ref.id: path
            for oid, path in world.names.items()
            for ref in world.audio.manifest(oid).regions[1].chunks
        }
        part = [source.cover(0, 1) for source in sources]
        return [by_chunk[one.chunks[0].id] for one in part if one]

    with world.audio.batch() as batch:
        forecast = Forecast(world.git, batch, former)
        forecast.expect({*present, path})
        for number, other in enumerate(present):
            entry, place = world.put(other, 500 + number)
            forecast.note(other, entry, place)
        advice = forecast.advise(path)
        found = [
            name(forecast.open_all(advice._versions, 3)),
            name(forecast.open_all(advice._around, 14)),
        ]
    return found[0], found[1]


def test_what_stands_around(world: World) -> None:
    former: Tree = {"song.wav": world.put("song.wav", 100)[0], "x/far.wav": world.put("x/far.wav", 101)[0]}
    present = ["stems/deep/a.wav", "stems/b.wav", "stems/c.wav", "top.wav"]
    versions, siblings = advised(world, former, present, "stems/new.wav")
    assert not [path for path in versions if path != "x/far.wav" and path != "song.wav"]
    # Newest of the folder, below it, above it, and what stood there and is not looked at yet.
    assert siblings == ["stems/c.wav", "stems/b.wav", "stems/deep/a.wav", "top.wav", "song.wav"]


def test_former_version_and_what_is_gone(world: World) -> None:
    names = ["old/kick.wav", "old/snare.wav", "stems/bass.wav", "stems/kick2.wav", "zz.wav"]
    former: Tree = {name: world.put(name, 200 + number)[0] for number, name in enumerate(names)}
    former |= {f".provenance/{number:064x}.json": world.text(b"{}") for number in range(50)}
    former |= {".gitattributes": world.text(b"# none"), "a.txt": world.text(b"no sound")}
    assert advised(world, former, [], "stems/bass.wav")[0] == ["stems/bass.wav"]
    # A file that moved: its name first, then its folder, then whatever else is gone.
    assert advised(world, former, [], "stems/kick.wav")[0] == [
        "old/kick.wav",
        "stems/bass.wav",
        "stems/kick2.wav",
    ]
    assert advised(world, former, names[1:], "kick.wav")[0] == ["old/kick.wav"]


def test_ten_thousand_files_and_folders(world: World) -> None:
    """Asking for advice looks at a few files, however many there are: the calls below are counted, not timed."""
    entry, place = world.put("a.wav", 300)
    former: Tree = {f"f{number}/a.wav": entry for number in range(10_000)}
    with world.audio.batch() as batch:
        forecast = Forecast(world.git, batch, former)
        paths = [f"f{number}/a.wav" for number in range(10_000)] + [
            f"{number}.wav" for number in range(10_000)
        ]
        forecast.expect(set(paths))
        looked = 0
        for path in sorted(paths, key=forecast.order):
            advice = forecast.advise(path)
            looked = max(looked, len(advice._around) + len(advice._versions))
            forecast.note(path, entry, place)
        assert 0 < looked <= 80
        assert len(forecast._sources) <= 1
