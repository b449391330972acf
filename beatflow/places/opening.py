"""From an address to a place: which kind it is, and what is loaded for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beatflow.errors import UsageError
from beatflow.places.address import Address, AddressKind
from beatflow.places.disk import DiskPlace
from beatflow.places.place import Place


@dataclass(frozen=True, slots=True)
class Access:
    """How a bucket is reached.

    Parameters
    ----------
    endpoint : str or None
        URL of an S3-compatible service (or of an emulator) in place of the provider's own.
    region : str or None
    environment : mapping
        What configuration gathered for buckets: variables like ``AWS_ACCESS_KEY_ID``. Never shown.
    home : Path or None
        The user's, for ``~/.aws``.
    """

    endpoint: str | None = None
    region: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    home: Path | None = None


def open_place(address: Address, access: Access | None = None) -> Place:
    """Open a folder or a bucket. Nothing is read yet.

    Raises
    ------
    EngineError
        A bucket wants a package that is not installed.
    UsageError
        It is a git host, which is no place; or the endpoint is none.
    PlaceError
        There are no keys for a bucket.
    """
    if address.kind is AddressKind.FOLDER and address.path is not None:
        return DiskPlace(address.path)
    if address.kind is not AddressKind.BUCKET:
        raise UsageError(f"{address.text} is a git host, not a place for files", "give a folder or a bucket")
    from beatflow.places.bucket.store import open_store

    access = access or Access()
    stores = open_store(address, access.endpoint, access.region, access.environment, access.home)
    from beatflow.places.bucket.place import BucketPlace

    return BucketPlace(stores, address.text, address.scheme)
