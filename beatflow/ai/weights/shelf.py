"""Where weights lie: a folder of the user's, or the hub's own cache. Looks only; never uses the network."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from beatflow.ai.engine import Setup
from beatflow.ai.weights.catalogue import MODELS, get_model
from beatflow.ai.weights.record import FileRecord, compute_digest, read_record, told_digest, write_record
from beatflow.errors import EngineError

_SUFFIXES = {".safetensors", ".bin", ".pt", ".th", ".json", ".yaml", ".model", ".txt"}
_CHECKPOINTS = (
    ("config.json", "model*.safetensors|pytorch_model*.bin"),
    ("*.yaml", "*.safetensors"),
    ("state_dict.bin", "compression_state_dict.bin"),
)
"""By what a folder of the user's own is known to hold weights: transformers, Demucs, audiocraft."""


def find_weights(name: str, setup: Setup) -> Path | None:
    """Find the folder with all files of a model, or None. Quick: no weights are opened.

    First ``NAME`` in the folder of the user's (``setup.models``, which may also be laid out as the hub's cache is),
    then the hub's own cache. A name that is not in the catalogue is a folder of the user's own.
    """
    for folder in candidates(name, setup):
        if not explain_missing(folder, name, setup.runtime):
            return folder
    return None


def get_weights(name: str, setup: Setup) -> Path:
    """Find the folder with all files of a model.

    Raises
    ------
    EngineError
        They are not here, or not complete; the hint is ``bf models pull NAME``.
    """
    found = find_weights(name, setup)
    if found:
        return found
    pull = f"bf models pull {name}" + (" --runtime audiocraft" if setup.runtime == "audiocraft" else "")
    for folder in candidates(name, setup):
        missing = explain_missing(folder, name, setup.runtime)
        if not missing:
            return folder
        hint = pull if name in MODELS else f"see what is in {folder}"
        raise EngineError(f"the weights of {name} are not complete: {missing[0]}", hint=hint)
    get_model(name)
    raise EngineError(f"the weights of {name} are not here", hint=pull)


def digest_weights(folder: Path) -> dict[str, str]:
    """File of a model to its sha256: as recorded when it was pulled, or computed and remembered beside it."""
    record = read_record(folder)
    digests = {}
    changed = False
    for path in weight_files(folder):
        entry = told_digest(path, record.files.setdefault(path.name, FileRecord()))
        stat = path.stat()
        if entry.seen_sha256 and (entry.seen_size, entry.seen_mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            digests[path.name] = entry.seen_sha256
            continue
        if entry.sha256 and path.is_symlink() and entry.size in (None, stat.st_size):
            digests[path.name] = entry.sha256
            continue
        entry.seen_sha256, _ = compute_digest(path)
        entry.seen_size, entry.seen_mtime_ns = stat.st_size, stat.st_mtime_ns
        digests[path.name] = entry.seen_sha256
        changed = True
    if changed:
        write_record(folder, record)
    return digests


def candidates(name: str, setup: Setup) -> list[Path]:
    """Folders that hold, or should hold, a model: those that are there, the first choice first."""
    found = []
    model = MODELS.get(name)
    if setup.models and _plain(name):
        found.append(setup.models / name)
    if model:
        found += [
            snapshot
            for cache in (setup.models, hub_cache())
            if cache
            for snapshot in _snapshots(cache, model.repository)
        ]
    return [folder for folder in found if folder.is_dir()]


def hub_cache() -> Path | None:
    """The hub's own cache, as its client finds it (``HF_HUB_CACHE``, ``HF_HOME``); None without the client."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return None
    return Path(constants.HF_HUB_CACHE)


def find_partial(name: str, setup: Setup) -> Path | None:
    """Find the folder in which an interrupted pull has left something, or None."""
    model = MODELS.get(name)
    if model is None:
        return None
    if setup.models and any((setup.models / name / ".incomplete").glob("*.incomplete")):
        return setup.models / name
    for cache in (setup.models, hub_cache()):
        folder = repository_folder(cache, model.repository) if cache else None
        if folder and any((folder / "blobs").glob("*.incomplete")):
            return folder
    return None


def repository_folder(cache: Path, repository: str) -> Path:
    """Where the hub's cache keeps a repository."""
    return cache / f"models--{repository.replace('/', '--')}"


def _snapshots(cache: Path, repository: str) -> list[Path]:
    """The revisions of a repository in the hub's cache: the one that ``main`` is, then the newest."""
    folder = repository_folder(cache, repository)
    try:
        found = sorted(
            (folder / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True
        )
    except OSError:
        return []
    try:
        main = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return found
    return sorted(found, key=lambda path: path.name != main)


def own_weights(setup: Setup) -> list[str]:
    """Names of the folders in ``setup.models`` that hold weights which are not in the catalogue."""
    if not setup.models:
        return []
    try:
        folders = sorted(path for path in setup.models.iterdir() if path.is_dir() and _plain(path.name))
    except OSError:
        return []
    return [
        folder.name
        for folder in folders
        if folder.name not in MODELS and not explain_missing(folder, folder.name, "auto")
    ]


def explain_missing(folder: Path, name: str, runtime: str = "auto") -> list[str]:
    """Say what a model's folder lacks: patterns, files and truncated files; empty where nothing does.

    The audiocraft runtime runs its own files or, converted as they are loaded, those of the default runtime.
    """
    model = MODELS.get(name)
    sets = _CHECKPOINTS if model is None else (model.files_for(runtime), model.files)
    names = _names(folder)
    return min((_lacks(folder, names, patterns) for patterns in sets), key=len)


def _lacks(folder: Path, names: set[str], patterns: tuple[str, ...]) -> list[str]:
    alternatives = [part for pattern in patterns for part in pattern.split("|")]

    def wanted(name: str) -> bool:
        return any(fnmatchcase(name, part) for part in alternatives)

    missing = [pattern for pattern in patterns if not matching(names, pattern)]
    missing += [part for part in _parts(folder, names) if part not in names and wanted(part)]
    missing += _short(folder, names, wanted)
    return list(dict.fromkeys(missing))


def matching(names: set[str], pattern: str) -> list[str]:
    """The names that a pattern means: of its alternatives the first that any has."""
    for alternative in pattern.split("|"):
        if found := sorted(name for name in names if fnmatchcase(name, alternative)):
            return found
    return []


def weight_files(folder: Path) -> list[Path]:
    """The files of a model in a folder, by name; not what describes them to people."""
    return [folder / name for name in sorted(_names(folder)) if Path(name).suffix in _SUFFIXES]


def count_bytes(folder: Path) -> int:
    """How large the files of a model are."""
    return sum(path.stat().st_size for path in weight_files(folder))


def _parts(folder: Path, names: set[str]) -> list[str]:
    """Files that others there say they belong with: the shards of a model, the models of a Demucs bag."""
    parts = []
    for name in names:
        if match := re.fullmatch(r"(.+)-\d{5}-of-(\d{5})(\.\w+)", name):
            stem, count, suffix = match.groups()
            parts += [f"{stem}-{number:05d}-of-{count}{suffix}" for number in range(1, int(count) + 1)]
        elif name.endswith(".yaml"):
            try:
                text = (folder / name).read_text(encoding="utf-8")
            except (OSError, ValueError):
                continue
            if bag := re.search(r"^models:\s*\[([^\]]*)\]", text, re.MULTILINE):
                parts += [f"{one}.safetensors" for one in re.findall(r"[\w-]+", bag[1])]
    return sorted(set(parts))


def _short(folder: Path, names: set[str], wanted: Callable[[str], bool]) -> list[str]:
    """Files that have not the size that the hub told when they were pulled, or that it told and are not there."""
    found = []
    for name, entry in read_record(folder).files.items():
        if entry.size is None or not wanted(name):
            continue
        if name not in names:
            found.append(name)
        elif (size := (folder / name).stat().st_size) != entry.size:
            found.append(f"{name} has {size} of {entry.size} bytes")
    return found


def _names(folder: Path) -> set[str]:
    """Files in a folder, hidden ones and broken links aside."""
    try:
        return {path.name for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()}
    except OSError:
        return set()


def _plain(name: str) -> bool:
    """Whether a name is that of a folder, not a path out of it."""
    return bool(name) and not name.startswith(".") and "/" not in name and "\\" not in name
