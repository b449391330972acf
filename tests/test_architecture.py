"""The shape that the code promises: who may import whom, read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "beatflow"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

OWNERS = {
    "soundfile": {"beatflow.objects.sndfile"},
    "pygit2": {"beatflow.objects.git.libgit", "beatflow.objects.git.libgittransport"},
    "zstandard": {"beatflow.objects"},
    "pyfastcdc": {"beatflow.objects"},
    "mido": {"beatflow.sound.midi"},
    "rich": {"beatflow.progressbar"},
    "soxr": {"beatflow.sound"},
    "python_stretch": {"beatflow.sound"},
    "librosa": {"beatflow.sound", "beatflow.ai"},
    "tomlkit": {"beatflow.track"},
    "platformdirs": {"beatflow.config"},
    "typer": {"beatflow.commandline.full", "beatflow.reference"},
    "torch": {"beatflow.ai"},
    "transformers": {"beatflow.ai.musicgen", "beatflow.ai.clap", "beatflow.ai.hushed"},
    "demucs": {
        "beatflow.ai.demucs",
        "beatflow.ai.musicgen.audiocraft_runtime",
    },  # where audiocraft would fetch it
    "audiocraft": {"beatflow.ai.musicgen"},
    "huggingface_hub": {"beatflow.ai.weights"},
    "safetensors": {"beatflow.ai"},
    "urllib3": {"beatflow.ai.beatoven", "beatflow.sharing.githost"},
    "obstore": {"beatflow.places.bucket"},
    "sqlalchemy": {"beatflow.library"},
    "psycopg": {"beatflow.library"},
    "PIL": {"beatflow.picture"},
    "watchfiles": {"beatflow.watching"},
    "sklearn": {"beatflow.mood"},
    "skops": {"beatflow.mood"},
    "sounddevice": {"beatflow.playing"},
}
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core", "base"}
FRONT = {"cli", "commandline", "commands", "reference", "__main__"}
SCREEN = {"ui", "progressbar", "invocation", "config"}


def imports(tree: ast.AST, package: str) -> Iterator[tuple[str, ast.stmt]]:
    """Every module imported, inside functions too; not those for type checkers only."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{package}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module), node


def ours(name: str) -> set[str]:
    return {found for found, _ in imports(TREES[name], name) if found in MODULES and found != "beatflow"}


def part(module: str) -> str:
    """``beatflow.objects.git.store`` is of the part ``objects``, ``beatflow.merge.merge`` of ``merge``."""
    return module.split(".")[1] if "." in module else ""


def allowed(importer: str, imported: str) -> bool:
    """Whether the direction errors < objects < sound < joining modules < commands < cli lets this be."""
    source, target = part(importer), part(imported)
    if target in ("errors", "filelock") or source == target or source == "":
        return True
    if source in ("errors", "filelock", "native"):
        return False
    if source == "ai":
        plain = ("audio", "note", "tonality", "exact", "resample", "loudness", "mood.rating", "mood.measure")
        # What comes over the network comes as files.
        decodes = importer.startswith("beatflow.ai.beatoven.") and imported == "beatflow.sound.files"
        return decodes or imported in {f"beatflow.sound.{name}" for name in plain}
    if source == "objects":
        return target == "native"
    if source == "places":
        return imported in ("beatflow.objects.durable", "beatflow.lock")
    if source == "sound":
        return target in ("objects", "native")
    if source == "ui":
        return target in ("interruption", "columns", "progressbar")
    if source in ("columns", "gitconfig", "graph", "interruption"):
        return False
    if source == "config":
        return target == "gitconfig"
    if source == "commands":
        return imported == "beatflow.commandline.declaring" or target not in FRONT - {"commands"}
    if source in FRONT:
        return True
    if source == "invocation":
        return target in {"config", "ui", "repository"} or imported == "beatflow.objects.git.value"
    return target not in FRONT | SCREEN


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_one_way(name: str) -> None:
    wrong = {other for other in ours(name) if not allowed(name, other)}
    assert not wrong


def test_no_cycles() -> None:
    waiting = {name: ours(name) - {name} for name in MODULES}
    while True:
        free = {name for name, needs in waiting.items() if not needs & set(waiting)}
        if not free:
            break
        for name in free:
            del waiting[name]
    # Left over are the cycles and what leans on them; drop what nobody in the rest needs.
    while unneeded := set(waiting) - set().union(*waiting.values()):
        for name in unneeded:
            del waiting[name]
    assert not waiting


@pytest.mark.parametrize("name", MODULES)
def test_heavy_packages_have_one_owner(name: str) -> None:
    for imported, _ in imports(TREES[name], name):
        top = imported.split(".")[0]
        owners = OWNERS.get(top, {name})
        assert any(name == owner or name.startswith(owner + ".") for owner in owners), imported


@pytest.mark.parametrize("name", MODULES)
def test_only_the_ui_prints(name: str) -> None:
    if name != "beatflow.ui":
        calls = [node for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        assert not [
            call.lineno
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id in ("print", "input")
        ]


@pytest.mark.parametrize("name", MODULES)
def test_only_config_reads_the_environment(name: str) -> None:
    # The one switch that must act before anything is computed.
    if name in ("beatflow.config", "beatflow.native"):
        return
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in {
                ("os", "environ"),
                ("os", "getenv"),
                ("Path", "home"),
            }, node.lineno


@pytest.mark.parametrize("name", MODULES)
def test_library_does_not_read_the_clock_or_exit(name: str) -> None:
    if part(name) in FRONT | SCREEN:
        return
    forbidden = {("time", "time"), ("sys", "exit"), ("datetime", "now"), ("time", "time_ns")}
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in forbidden, f"line {node.lineno}"


@pytest.mark.parametrize("name", MODULES)
def test_module_has_a_name_and_says_its_job(name: str) -> None:
    assert not set(name.split(".")) & BANNED
    assert ast.get_docstring(TREES[name])


def test_the_studio_stands_side_by_side() -> None:
    """Its packages know no more of each other than this, so that each can be read alone."""
    known = {"playing": {"mixing"}, "picture": {"mood"}, "finding": {"mood"}}
    studio = {"mixing", "remix", "mood", "picture", "playing", "library", "finding", "watching"}
    for name in MODULES:
        if part(name) in studio:
            others = {part(other) for other in ours(name)} & studio - {part(name)}
            assert others <= known.get(part(name), set()), name


def test_the_house_is_described_whole() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = {part(name) for name, path in MODULES.items() if path.name == "__init__.py"} - {""}
    assert not [name for name in sorted(packages) if f"{name}/" not in page]


def test_commands_do_not_import_each_other() -> None:
    for name in MODULES:
        if part(name) == "commands":
            assert {other for other in ours(name) if part(other) == "commands"} <= {
                "beatflow.commands",
                "beatflow.commands.options",
                "beatflow.commands.supplying",
                "beatflow.commands.takes",
            }, name
