"""Previews: of a sound that may be elsewhere, what it is and measures, its silhouette, and a small copy to listen to.

They lie in ``.beatflow/previews`` as ``<oid>.json`` and ``<oid>.opus``. Made here from the sound, or fetched; what was
fetched is known to be whole, not to be true: it is shown and played, and nothing is decided by it.
"""

import json
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from beatflow.errors import AudioError, NotFoundError
from beatflow.log.logbook import open_silhouettes
from beatflow.objects.durable import temporary_name, write_cache
from beatflow.objects.pointer import Pointer
from beatflow.objects.pool import Pool
from beatflow.repository import Repository
from beatflow.scratch import Scratch
from beatflow.sharing.partial.mentions import Mentions
from beatflow.sharing.partial.selection import read_selection
from beatflow.sharing.partial.supply import list_elsewhere
from beatflow.sharing.remote import PreviewShelf, Remote
from beatflow.sharing.watch import Watch
from beatflow.sound.silhouette import COLUMNS, Silhouette

if TYPE_CHECKING:
    from beatflow.sound.files import SoundInfo

FOLDER = "previews"
CARD, SOUND = ".json", ".opus"
VERSION = 1
MAX_CARD_BYTES = 64 * 1024
MAX_SOUND_BYTES = 256 * 1024 * 1024
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Preview:
    """What a card says.

    Parameters
    ----------
    oid : str
        The sound's.
    format, subtype, sample_rate, channels, frames
        As in `SoundInfo`, of the sound itself.
    loudness_lufs : float or None
        None for silence.
    silhouette : Silhouette
    size, digest : int, str
        Bytes of the small copy, and their SHA-256.
    """

    oid: str
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    loudness_lufs: float | None
    silhouette: Silhouette
    size: int
    digest: str

    @property
    def info(self) -> "SoundInfo":
        """What the sound says of itself."""
        from beatflow.sound.files import SoundInfo

        return SoundInfo(self.format, self.subtype, self.channels, self.sample_rate, self.frames)

    def encode(self) -> bytes:
        """Return the card as JSON."""
        document = {name: getattr(self, name) for name in self.__slots__ if name != "silhouette"}
        document |= {"version": VERSION, "silhouette": self.silhouette.to_json()}
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    def decode(cls, data: bytes, oid: str) -> "Preview":
        """Read the card of a sound; it may come from anybody.

        Raises
        ------
        ValueError
            It is no card, or another sound's.
        """
        try:
            document = json.loads(data)
            loudness = document["loudness_lufs"]
            preview = cls(
                str(document["oid"]),
                str(document["format"])[:20],
                str(document["subtype"])[:20],
                int(document["sample_rate"]),
                int(document["channels"]),
                int(document["frames"]),
                None if loudness is None else float(loudness),
                Silhouette.from_json(document["silhouette"]),
                int(document["size"]),
                str(document["digest"]),
            )
        except (KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError("it is no card") from error
        if document["version"] != VERSION or preview.oid != oid:
            raise ValueError("it is the card of another sound, or of a later version")
        figures = (preview.loudness_lufs or 0.0, preview.silhouette.duration_s)
        if not (
            all(map(math.isfinite, figures))
            and min(preview.sample_rate, preview.channels, preview.frames) > 0
            and 0 < preview.size <= MAX_SOUND_BYTES
            and len(preview.silhouette.peaks) <= COLUMNS
        ):
            raise ValueError("its figures make no sense")
        return preview


def find_preview(repository: Repository, oid: str) -> Preview | None:
    """Return the card of a sound's preview; None where there is none here."""
    with suppress(OSError, ValueError):
        return Preview.decode((_folder(repository) / f"{oid}{CARD}").read_bytes(), oid)
    return None


def find_small_copy(repository: Repository, oid: str) -> Path | None:
    """Return the file to listen to in place of a sound; None where there is none here."""
    preview = find_preview(repository, oid)
    path = _folder(repository) / f"{oid}{SOUND}"
    return path if preview and path.is_file() and path.stat().st_size == preview.size else None


def make_preview(repository: Repository, oid: str, folder: Path | None = None) -> Preview:
    """Make the preview of a stored sound.

    Parameters
    ----------
    folder : Path, optional
        Where to put it, in place of this repository's own.

    Raises
    ------
    AudioError
        It cannot be decoded.
    NotFoundError, DamagedError
        It is not here, or cannot be read whole.
    """
    # Numpy and the codecs: only when there is something to make.
    from beatflow.sound.proxy import write_proxy

    target = folder or _folder(repository)
    target.mkdir(exist_ok=True)
    unfinished = temporary_name(target, ".part")
    try:
        with repository.audio.open(oid) as source, unfinished.open("w+b") as file:
            measured = write_proxy(source, file, f"sound {oid[:12]}")
        info = measured.info
        preview = Preview(
            oid,
            info.format,
            info.subtype,
            info.sample_rate,
            info.channels,
            info.frames,
            measured.loudness_lufs,
            measured.silhouette,
            unfinished.stat().st_size,
            _digest(unfinished),
        )
        unfinished.replace(target / f"{oid}{SOUND}")
    finally:
        unfinished.unlink(missing_ok=True)
    write_cache(target / f"{oid}{CARD}", preview.encode())
    if folder is None:
        _remember(repository, preview)
    return preview


def open_preview(repository: Repository, oid: str) -> BinaryIO:
    """Open the small copy of a sound; where there is none, one is made, and the sound fetched for that if need be.

    Errors as in `make_preview`.
    """
    if find_small_copy(repository, oid) is None:
        make_preview(repository, oid)
    return (_folder(repository) / f"{oid}{SOUND}").open("rb")


def make_previews(repository: Repository, oids: Sequence[str], watch: Watch) -> int:
    """Make the previews that are not here yet, of what is sound; return how many there are then."""
    count = 0
    for number, oid in enumerate(oids):
        watch.begin(f"making previews ({number + 1} of {len(oids)})")
        with suppress(AudioError):
            if find_small_copy(repository, oid) is None:
                make_preview(repository, oid)
            count += 1
    return count


def send_previews(repository: Repository, remote: Remote, sounds: Sequence[Pointer], watch: Watch) -> int:
    """Give a remote the previews that it lacks of sounds that are here; return how many it took."""
    shelf = remote.previews()
    if shelf is None:
        return 0
    there = shelf.list_previews()
    audio = repository.audio
    lacking = list(dict.fromkeys(pointer.oid for pointer in sounds if pointer.oid not in there))
    make_previews(repository, [oid for oid in lacking if oid in audio], watch)
    ready = [oid for oid in lacking if find_small_copy(repository, oid)]
    sizes = {oid: copy.stat().st_size for oid in ready if (copy := find_small_copy(repository, oid))}
    watch.begin("sending previews", sum(sizes.values()))
    with Pool(_AT_ONCE, "beatflow-previews") as pool:
        sent = pool.map(lambda oid: shelf.store_preview(oid, _folder(repository)), ready)
        for oid, _ in zip(ready, sent, strict=True):
            watch.advance(sizes.get(oid, 0))
    return len(ready)


def send_all_previews(repository: Repository, remote: Remote, watch: Watch) -> int | None:
    """Give a remote the previews that it lacks of the sounds that its branches and tags name.

    Returns how many it took; None where it can keep none.
    """
    if remote.previews() is None:
        return None
    git = repository.git
    tips = [oid for oid in remote.read_refs().refs.values() if git.has(oid)]
    found = {pointer.oid: pointer for _, _, pointer in Mentions(git).iter_new(git.iter_history(tips))}
    return send_previews(repository, remote, list(found.values()), watch)


def fetch_previews(repository: Repository, remote: Remote, sounds: Iterable[Pointer], watch: Watch) -> int:
    """Bring the previews that a remote has of sounds that are not here; return how many are here then.

    One that does not prove whole is passed over: a preview is a convenience.
    """
    shelf = remote.previews()
    if shelf is None:
        return 0
    there = shelf.list_previews()
    audio = repository.audio
    wanted = [
        oid
        for oid in dict.fromkeys(pointer.oid for pointer in sounds)
        if oid in there and oid not in audio and find_small_copy(repository, oid) is None
    ]
    watch.begin("fetching previews")
    repository.scratch.mkdir(exist_ok=True)
    _folder(repository).mkdir(exist_ok=True)
    with (
        Scratch(repository.scratch) as scratch,
        Pool(_AT_ONCE, "beatflow-previews") as pool,
    ):
        count = 0
        for came in pool.map(lambda oid: _fetch_one(repository, shelf, oid, scratch.folder), wanted):
            count += came
            watch.advance(0)
    return count


def refresh_previews(repository: Repository, remote: Remote, watch: Watch) -> int:
    """Bring the previews that a partial clone wants and has not, after history came; return how many came."""
    if not read_selection(repository.directory).previews:
        return 0
    return fetch_previews(repository, remote, [sound.pointer for sound in list_elsewhere(repository)], watch)


def _fetch_one(repository: Repository, shelf: PreviewShelf, oid: str, folder: Path) -> bool:
    card, sound = folder / f"{oid}{CARD}", folder / f"{oid}{SOUND}"
    try:
        shelf.fetch_preview(oid, folder)
        if card.stat().st_size > MAX_CARD_BYTES:
            return False
        preview = Preview.decode(card.read_bytes(), oid)
        if sound.stat().st_size != preview.size or _digest(sound) != preview.digest:
            return False
        sound.replace(_folder(repository) / sound.name)
        card.replace(_folder(repository) / card.name)
    except (NotFoundError, ValueError, FileNotFoundError):
        return False
    _remember(repository, preview)
    return True


def _remember(repository: Repository, preview: Preview) -> None:
    """Have the log and others know how the sound looks and how loud it is, unless they do."""
    silhouettes = open_silhouettes(repository)
    if silhouettes.get(preview.oid) is None:
        silhouettes.put(preview.oid, preview.silhouette.to_json())
    if "loudness_lufs" not in (repository.analysis_cache.get(preview.oid) or {}):
        repository.analysis_cache.put(preview.oid, {"loudness_lufs": preview.loudness_lufs})


def _folder(repository: Repository) -> Path:
    return repository.directory / FOLDER


def _digest(path: Path) -> str:
    hashed = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()
