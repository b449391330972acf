"""What packs that lie elsewhere are to whoever wants records of them: names, sizes, and bytes from anywhere in them.

Knows neither places nor records. What a shelf says is never believed: records prove themselves when they arrive.
"""

from pathlib import Path
from typing import NamedTuple, Protocol

from beatflow.errors import ConflictError
from beatflow.objects.ids import is_oid
from beatflow.objects.pack import PACK_SUFFIX


class Listed(NamedTuple):
    """One pack on a shelf: the SHA-256 that is its name, and its bytes."""

    name: str
    size: int


class Shelf(Protocol):
    """Packs that can be read in parts, from several threads at once."""

    @property
    def address(self) -> str:
        """Where they lie, for people."""
        ...

    @property
    def remedy(self) -> str:
        """What can be done, for people, where something is missing or damaged there."""
        ...

    @property
    def gap(self) -> int:
        """How many bytes are read along with what is wanted sooner than asking once more."""
        ...

    def list_packs(self) -> list[Listed]:
        """Return the packs that are there now."""
        ...

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return exactly so many bytes of a pack; raises where it has them not."""
        ...


class FolderShelf:
    """The packs of a store on this machine.

    Parameters
    ----------
    folder : Path
        Of the packs.
    address : str
        What to call it.
    """

    gap = 4096

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self.address = address
        self.remedy = f"in {address}: bf check --repair, with --from a track that has it"

    def list_packs(self) -> list[Listed]:
        """Return the packs that are there now."""
        return sorted(
            Listed(path.stem, path.stat().st_size)
            for path in self._folder.iterdir()
            if path.suffix == PACK_SUFFIX and is_oid(path.stem)
        )

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return bytes of a pack.

        Raises
        ------
        ConflictError
            It is gone: collected, and what it held is in another.
        """
        try:
            with (self._folder / f"{name}{PACK_SUFFIX}").open("rb", buffering=0) as file:
                file.seek(start)
                data = file.read(length)
        except FileNotFoundError:
            raise ConflictError(
                f"the sounds in {self.address} were cleaned up in the middle of this", "run the command again"
            ) from None
        return data or b""
