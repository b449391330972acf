"""Finding and choosing engines: BeatFlow's own, and those of packages in every state of repair."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from beatflow.ai import table
from beatflow.ai.engine import EngineInfo, RunFacts, Setup
from beatflow.ai.plugin import explain_failure
from beatflow.ai.table import Listing, engine_names, engines_for, get_engine, pick
from beatflow.errors import EngineError
from tests.conftest import Bf

EMBEDDED = {"synth", "dsp", "yin", "cues"}


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """A machine without weights or keys."""
    return Setup(models=tmp_path / "no models", offline=True)


class Packages:
    """Writes packages as pip would have installed them, where Python finds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def install(self, package: str, points: dict[str, str], code: str = "") -> None:
        """Install a package of one module; each entry point names something in it."""
        module = package.replace("-", "_")
        self.modules.append(module)
        (self.folder / f"{module}.py").write_text(dedent(code))
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value.replace('@', module)}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[beatflow.engines]", *lines, ""]))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    # The plug-ins here extend: they are looked at where nothing of our own can.
    synth = table.ENGINES["synth"]
    monkeypatch.setitem(table.ENGINES, "synth", replace(synth, tasks=("generate", "accompany")))
    made = Packages(folder)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


GOOD = """
    from beatflow.ai.engine import EngineInfo, Performance
    class Engine:
        def __init__(self, setup):
            self.setup = setup
            tasks, promises = frozenset({"extend"}), frozenset({"tempo"})
            self.info = EngineInfo(setup.engine, "1", tasks, "CC-BY-NC-SA-4.0", promises=promises)
        def extend(self, audio, brief, progress=None):
            raise NotImplementedError
"""


def test_own_engines_do_what_their_listings_say(setup: Setup) -> None:
    for name, listing in table.ENGINES.items():
        info = get_engine(name, setup).info
        assert info.name == name
        assert info.tasks == set(listing.tasks)
        assert set(listing.tasks) <= set(table.TASKS)
        assert info.remote == (name == "beatoven")


@pytest.mark.parametrize("task", table.TASKS)
def test_every_task_has_an_engine(task: str, setup: Setup) -> None:
    assert engines_for(task, setup)
    choice = pick(task, setup=setup)
    assert choice.info.name in EMBEDDED
    assert "the best one at hand" in choice.reason
    assert choice.facts == RunFacts()


def test_what_is_said_of_a_whole_family_is_said_once(setup: Setup) -> None:
    """Of ten models that are not here, the one to begin with."""
    assert pick("generate", setup=setup).reason.count("musicgen") == 1
    assert "musicgen-small" in pick("generate", setup=setup).reason
    assert "musicgen-melody" in pick("accompany", setup=setup).reason
    assert "htdemucs" in pick("separate", setup=setup).reason
    assert pick("transcribe", setup=setup).reason == "embedded pitch tracker, the best one at hand"


def test_what_would_not_do_anyway_is_not_mentioned(setup: Setup) -> None:
    choice = pick("generate", setup=setup, needs=frozenset({"tempo", "key"}))
    assert choice.info.name == "synth"
    assert choice.reason == "embedded producer, the best one at hand"


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were one neural engine, with its weights."""
    own = {
        "dreamer": Listing("tests.ai.test_table:Dreamer", ("generate",), "a dreamer", "dreamer"),
        "cloud": Listing("tests.ai.test_table:Cloud", ("generate",), "a cloud", "cloud"),
        "synth": table.ENGINES["synth"],
    }
    monkeypatch.setattr(table, "ENGINES", own)


class Dreamer:
    """Is always ready."""

    info = EngineInfo(
        "dreamer", "1", frozenset({"generate"}), "CC-BY-NC-4.0", extra="ai", promises=frozenset({"duration"})
    )
    facts = RunFacts(device="cuda:0")

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def check_ready(self) -> None:
        """Yes."""

    def generate(self, brief: object, progress: object = None) -> object:
        """Not asked for here."""
        raise NotImplementedError


class Cloud(Dreamer):
    """Costs money."""

    info = EngineInfo("cloud", "1", frozenset({"generate"}), "LicenseRef-X", remote=True)


@pytest.mark.usefixtures("ready")
def test_auto_takes_the_first_that_is_ready_and_promises_what_is_needed() -> None:
    choice = pick("generate")
    assert (
        choice.reason
        == "a dreamer, the best one at hand; its weights are CC-BY-NC-4.0, not for commercial use"
    )
    assert choice.engine.setup.engine == "dreamer"
    assert choice.facts.device == "cuda:0"
    assert pick("generate", needs=frozenset({"duration"})).info.name == "dreamer"
    choice = pick("generate", needs=frozenset({"key", "bars", "duration", "tempo"}))
    assert choice.info.name == "synth"
    assert choice.reason.endswith("; dreamer promises no exact tempo, key and bars")


def test_larger_sisters_that_are_not_here_are_not_mentioned(
    monkeypatch: pytest.MonkeyPatch, setup: Setup
) -> None:
    """What is said of a family is said of those that were passed over for another one."""
    own = {
        "musicgen-large": table.ENGINES["musicgen-large"],
        "dreamer": Listing("tests.ai.test_table:Dreamer", ("generate",), "a dreamer", "musicgen"),
    }
    monkeypatch.setattr(table, "ENGINES", own)
    assert "musicgen-large" not in pick("generate", setup=setup).reason
    monkeypatch.setitem(own, "dreamer", Listing(own["dreamer"].path, ("generate",), "a dreamer", "dreams"))
    assert "musicgen-large" in pick("generate", setup=setup).reason


def test_one_that_cannot_do_it_names_the_one_that_can(monkeypatch: pytest.MonkeyPatch, setup: Setup) -> None:
    with pytest.raises(EngineError, match="engine yin cannot separate") as caught:
        pick("separate", "yin", setup)
    assert caught.value.hint == "--engine dsp can"
    with pytest.raises(EngineError, match="engine yin cannot extend") as caught:
        pick("extend", "yin", setup)
    assert caught.value.hint == "--engine synth can"
    # Where nothing can, the way out is what would mend that.
    monkeypatch.setitem(table.ENGINES, "synth", replace(table.ENGINES["synth"], tasks=("generate",)))
    with pytest.raises(EngineError, match="engine yin cannot extend") as caught:
        pick("extend", "yin", setup)
    with pytest.raises(EngineError) as other:
        pick("extend", "musicgen-small", setup)
    assert caught.value.hint == other.value.hint


@pytest.mark.usefixtures("ready")
def test_a_remote_engine_is_taken_only_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick("generate", "cloud").reason == "as asked"
    monkeypatch.setattr(table, "ENGINES", {"cloud": table.ENGINES["cloud"]})
    with pytest.raises(EngineError, match=r"no engine here can generate$"):
        pick("generate")


@pytest.mark.usefixtures("ready")
def test_one_that_is_named_need_not_promise_anything() -> None:
    choice = pick("generate", "dreamer", needs=frozenset({"tempo"}))
    assert choice.reason == "as asked; its weights are CC-BY-NC-4.0, not for commercial use"


@pytest.mark.parametrize(
    ("task", "name", "message"),
    [
        ("generate", "sinth", r"no engine 'sinth'; did you mean synth\?"),
        ("generate", "xyzzy", "no engine 'xyzzy'$"),
        ("generate", "", "no engine ''"),
        ("separate", "yin", "engine yin cannot separate"),
        ("accompany", "musicgen-small", "engine musicgen-small cannot accompany"),
        ("generate", "musicgen-small", "musicgen-small"),
        ("generate", "beatoven", "beatoven"),
    ],
)
def test_wrong_names_and_engines_that_are_not_ready(task: str, name: str, message: str, setup: Setup) -> None:
    with pytest.raises(EngineError, match=message) as caught:
        pick(task, name, setup)
    assert caught.value.exit_code == 5
    assert caught.value.hint


def test_auto_passes_over_what_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    big = Listing("no_such_package:Big", ("separate",), "big", "big")
    monkeypatch.setattr(table, "ENGINES", {"big": big, "dsp": table.ENGINES["dsp"]})
    choice = pick("separate")
    assert choice.info.name == "dsp"
    assert "No module named 'no_such_package'" in choice.reason
    monkeypatch.setattr(table, "ENGINES", {"big": big})
    with pytest.raises(EngineError, match="no engine here can separate; engine big"):
        pick("separate")


def test_plugins_are_found_by_name_and_by_auto_where_nothing_else_can(
    packages: Packages, setup: Setup
) -> None:
    packages.install("good-engines", {"zeta": "@:Engine", "alpha": "@:Engine"}, GOOD)
    assert engine_names() == [*table.ENGINES, "alpha", "zeta"]
    assert pick("extend", "zeta", setup).info.name == "zeta"
    assert list(engines_for("extend", setup))[-2:] == ["alpha", "zeta"]
    choice = pick("extend", setup=setup, needs=frozenset({"tempo"}))
    assert choice.info.name == "alpha"
    assert choice.engine.setup.models == setup.models
    assert choice.reason.startswith("a plug-in, the best one at hand; its weights are CC-BY-NC-SA-4.0")
    with pytest.raises(EngineError, match="alpha promises no exact key; zeta promises no exact key"):
        pick("extend", setup=setup, needs=frozenset({"key"}))


def test_plugins_cannot_take_the_name_of_an_own_engine(packages: Packages, setup: Setup) -> None:
    packages.install("impostor", {"synth": "@:Engine"}, GOOD)
    told: list[str] = []
    engine = get_engine("synth", Setup(tell=told.append))
    assert type(engine).__module__ == "beatflow.ai.synth.engine"
    assert told == ["impostor brings an engine synth as well; BeatFlow's own is used"]
    assert engine_names().count("synth") == 1


def test_two_plugins_of_one_name(packages: Packages, setup: Setup) -> None:
    packages.install("first", {"drone": "@:Engine"}, GOOD)
    packages.install("second", {"drone": "@:Engine"}, GOOD)
    with pytest.raises(EngineError, match="both bring an engine drone") as caught:
        get_engine("drone", setup)
    assert caught.value.hint == "uninstall one of them"
    assert "drone" not in engines_for("extend", setup)


HEAD = "from beatflow.ai.engine import EngineInfo\n"
INFO = 'EngineInfo("odd", "1", frozenset({"extend"}), "MIT")'


def broken(body: str, info: str = INFO) -> str:
    """A plug-in whose engine has this in place of what it should have."""
    lines = ["class Engine:", "    def __init__(self, setup): pass", f"    info = {info}", f"    {body}"]
    return HEAD + "\n".join(lines)


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("@:Nothing", "", "cannot be loaded: .*Nothing"),
        ("no_such_package:Engine", "", "No module named 'no_such_package'"),
        ("not a reference", "", "cannot be loaded"),
        ("@:Engine", "import no_such_package", "No module named 'no_such_package'"),
        ("@:Engine", "def broken(:", "SyntaxError"),
        ("@:Engine", "raise SystemExit('bye')", "SystemExit: bye"),
        ("@:Engine", "raise OSError('libcuda.so\\nis missing')", "OSError: libcuda.so is missing"),
        ("@:Engine", "Engine = 3", "TypeError"),
        ("@:Engine", "class Engine: pass", "TypeError"),
        ("@:Engine", "class Engine:\n    def __init__(self, setup): 1 / 0", "ZeroDivisionError"),
        ("@:Engine", "class Engine:\n    def __init__(self, setup): pass", "its info is NoneType"),
        ("@:Engine", broken("", "{'name': 'odd'}"), "its info is dict"),
        ("@:Engine", broken("", INFO.replace("odd", "even")), "calls itself 'even'"),
        ("@:Engine", broken("", INFO.replace('"1"', "1")), "info.version must be text"),
        ("@:Engine", broken("", INFO.replace('"MIT"', "None")), "info.licence must be text"),
        ("@:Engine", broken("", INFO.replace("extend", "sing")), r"its tasks are \['sing'\]"),
        (
            "@:Engine",
            broken("", INFO.replace('frozenset({"extend"})', "'extend'")),
            "info.tasks must be a set",
        ),
        ("@:Engine", broken("", INFO.replace('frozenset({"extend"})', "None")), "TypeError"),
        ("@:Engine", broken("", INFO.replace('"MIT"', '"MIT", promises=3')), "TypeError"),
        ("@:Engine", broken(""), "says it can extend but is no Extender"),
        ("@:Engine", broken("@property\n    def extend(self): raise RuntimeError('no')"), "RuntimeError: no"),
        ("@:Engine", "def __getattr__(name): raise KeyError(name)", "KeyError"),
    ],
)
def test_broken_plugins(value: str, code: str, message: str, packages: Packages, setup: Setup) -> None:
    """Named, they are told of; otherwise passed over."""
    packages.install("odd-engines", {"odd": value}, "")
    (packages.folder / "odd_engines.py").write_text(code)
    with pytest.raises(EngineError, match=message) as caught:
        pick("extend", "odd", setup)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert "odd" in engine_names()
    assert "odd" not in engines_for("extend", setup)
    assert pick("generate", setup=setup).info.name == "synth"
    with pytest.raises(EngineError, match=r"no engine here can extend; .*odd"):
        pick("extend", setup=setup)


CHECKED = (
    GOOD
    + """
        facts = None
        def check_ready(self):
            raise ERROR
"""
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("RuntimeError('no idea')", "odd cannot tell whether it is ready: RuntimeError: no idea"),
        ("SystemExit(3)", "odd cannot tell whether it is ready: SystemExit: 3"),
        ("__import__('beatflow.errors').errors.EngineError('no licence key', 'buy one')", "no licence key"),
    ],
)
def test_plugins_that_are_not_ready(error: str, message: str, packages: Packages, setup: Setup) -> None:
    packages.install("odd-engines", {"odd": "@:Engine"}, CHECKED.replace("ERROR", error))
    for name in ("odd", "auto"):
        with pytest.raises(EngineError, match=message):
            pick("extend", name, setup)


FAILING = """
    from beatflow.ai.engine import EngineInfo
    class Engine:
        info = EngineInfo("odd", "1", frozenset({"generate"}), "MIT")
        def __init__(self, setup):
            pass
        def generate(self, brief, progress=None):
            BODY
"""


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            "raise ValueError('not\\ntoday')",
            5,
            "error: the plug-in odd-engines failed: ValueError: not today",
        ),
        ("next(iter(()))", 5, "error: the plug-in odd-engines failed: RuntimeError"),
        ("import numpy; numpy.zeros(3).reshape(2)", 5, "error: the plug-in odd-engines failed: ValueError"),
        ("return 3", 8, "error: engine odd gave int, not a Performance"),
    ],
)
def test_plugins_that_fail_at_work(body: str, code: int, message: str, packages: Packages, bf: Bf) -> None:
    """The user is told whose fault it is."""
    packages.install("odd-engines", {"odd": "@:Engine"}, FAILING.replace("BODY", body))
    said = bf.fails(code, "generate", "lofi", "--engine", "odd", "-o", "out/")
    assert said.startswith(message)
    assert code != 5 or "upgrade odd-engines" in said
    assert not list(bf.directory.rglob("*.wav"))


def test_our_own_failures_are_ours(packages: Packages) -> None:
    packages.install("odd-engines", {"odd": "@:Engine"}, GOOD)
    with pytest.raises(ValueError, match="ours") as caught:
        raise ValueError("ours")
    assert explain_failure(caught.value) is None
