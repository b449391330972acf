"""A studio with tracks in it: sounds made by arithmetic, records as engines write them, journals as commands do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from beatflow.history import record_commit
from beatflow.library.journal import note_event
from beatflow.library.registry import list_tracks, remember_track
from beatflow.library.updating import Sources
from beatflow.objects.git.value import Signature
from beatflow.provenance import write_pending
from beatflow.repository import Repository
from beatflow.transaction import Transaction
from tests.conftest import EPOCH
from tests.world import write_tone

HOST = "studio"


@dataclass
class Studio:
    """Tracks below a folder, and the user's state folder; the clock moves by a minute with each change."""

    folder: Path
    now: int = EPOCH
    tracks: dict[str, Repository] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def sign(self) -> Signature:
        return Signature("Ada", "ada@example.com", self.now, 60)

    @property
    def at(self) -> str:
        """The time now, as the journal has it."""
        from beatflow.wording import format_iso_time

        return format_iso_time(self.sign())

    def sources(self) -> Sources:
        return Sources(HOST, list_tracks(self.state), self.state, self.sign)

    def track(self, name: str) -> Repository:
        """The track of a name, made where it is new."""
        if name not in self.tracks:
            root = self.folder / name
            root.mkdir(parents=True)
            self.tracks[name] = Repository.create(root, self.sign)
            remember_track(self.state, root)
        return self.tracks[name]

    def keep(
        self,
        track: str,
        path: str,
        hz: float,
        message: str | None = "a take",
        record: Mapping[str, Any] | None = None,
    ) -> str:
        """Put a tone into a track, with a record if given, and commit it if there is a message; return its oid."""
        self.now += 60
        repository = self.track(track)
        oid = sha256(write_tone(repository.root / path, 0.05, hz)).hexdigest()
        if record is not None:
            (repository.state / "provenance").mkdir(exist_ok=True)
            write_pending(repository, oid, dict(record))
        if message is not None:
            self.commit(track, message)
        return oid

    def commit(self, track: str, message: str) -> str:
        self.now += 60
        with Transaction(self.track(track), "commit", message) as transaction:
            oid = record_commit(transaction, message)
            transaction.publish()
        return oid

    def note(self, track: str, kind: str, oid: str, path: str = "mix.wav", **facts: Any) -> None:
        self.now += 60
        note_event(self.track(track).state, kind, self.at, oid=oid, path=path, **facts)

    def note_run(self, track: str | None, *sounds: tuple[str, str, str], **facts: Any) -> None:
        """Note a run of an engine, of a track or outside of any; each sound is name, path and oid."""
        self.now += 60
        folder = self.track(track).state if track else self.state
        files = [{"name": name, "path": path, "oid": oid} for name, path, oid in sounds]
        note_event(
            folder, "generation", self.at, **{"command": "generate", "ok": True, "sounds": files, **facts}
        )


def made(prompt: str, **facts: Any) -> dict[str, Any]:
    """A record as engines write it."""
    return {
        "kind": "generate", "engine": "synth", "engine_version": "2", "prompt": prompt, "seed": 7, "tempo": 90.0,
        "key": "A:min", "seconds": 2.0, "real_time_factor": 10.0, "device": "cpu", "dtype": "float32",
        "asked": {"bars": 8}, "parameters": {"swing": 54}, "inputs": [],
    } | facts  # fmt: skip
