"""Ways to damage a store."""

from pathlib import Path

from beatflow.objects.pack import Entry, read_directory, read_trailer


def only_pack(store: Path) -> Path:
    """Return the path of the one pack of a store."""
    (path,) = (store / "packs").iterdir()
    return path


def entries(pack: Path) -> list[Entry]:
    """Return a sound pack's records in the order in which they lie."""
    with pack.open("rb") as file:
        found = read_directory(file, read_trailer(file, pack.stat().st_size))
        return sorted(found, key=lambda entry: entry.offset)


def flip(path: Path, at: int) -> None:
    """Change one bit; a negative `at` counts from the end."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x04
    path.write_bytes(data)
