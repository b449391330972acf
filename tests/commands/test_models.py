"""``bf models`` against a hub on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from beatflow.ai.speed import Speed, remember_speed
from beatflow.ai.weights.shelf import count_bytes
from beatflow.sound.writing import write_audio
from tests.ai.contract import make_mix
from tests.ai.demucs.checkpoints import build_demucs
from tests.ai.weights.hubserver import Hub
from tests.ai.weights.world import MIB, SMALL, hub_and_cache, musicgen_files, safetensors, write
from tests.conftest import Bf

NAME = "musicgen-small"
LARGE_FILE = len(musicgen_files()["model.safetensors"])


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf: Bf) -> Iterator[Hub]:
    with hub_and_cache(monkeypatch, tmp_path / "cache") as hub:
        # For programs of their own.
        bf.environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache")}
        bf.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
        yield hub


@pytest.fixture
def models(tmp_path: Path, bf: Bf) -> Path:
    """Weights go to a folder of the user's."""
    folder = tmp_path / "my models"
    bf.environment["BF_MODELS"] = str(folder)
    return folder


def grown(folder: Path) -> bool:
    """Whether some of a large file has come; files come and go while we look."""
    with suppress(FileNotFoundError):
        return any(path.stat().st_size > MIB // 8 for path in folder.glob("*.incomplete"))
    return False


def row(bf: Bf, name: str = NAME) -> dict[str, Any]:
    document = bf.ok("models", "list", "--json").json
    assert document["schema"] == "beatflow.models/1"
    found: dict[str, Any] = next(one for one in document["models"] if one["name"] == name)
    return found


def test_pull_verify_list_rm(bf: Bf, hub: Hub, models: Path) -> None:
    assert row(bf)["state"] == "pull"
    pulled = bf.ok("models", "pull", NAME)
    assert pulled.stdout == f"{models / NAME}\n"
    assert "fetched 1.1 MB, verified; CC-BY-NC-4.0" in pulled.stderr
    again = bf.ok("models", "pull", NAME)
    assert again.stderr == f"{NAME} is here\n"
    there = row(bf)
    assert (there["state"], there["here"], there["place"], there["path"]) == (
        "ready", True, "folder", str(models / NAME),
    )  # fmt: skip
    assert there["licence"] == "CC-BY-NC-4.0"
    assert bf.ok("models", "verify").stderr == f"{NAME}: 4 files good\n"
    assert "would free 1.1 MB" in bf.ok("models", "rm", NAME, "-n").stderr
    assert (models / NAME).is_dir()
    assert "freed 1.1 MB" in bf.ok("models", "rm", NAME).stderr
    assert not (models / NAME).exists()
    assert "none is here" in bf.ok("models", "list").stderr


def test_list_fits_a_terminal_and_shows_the_speed(bf: Bf, hub: Hub, tmp_path: Path) -> None:
    bf.environment |= {"BF_MODELS": str(tmp_path), "BF_DEVICE": "cpu"}
    size = count_bytes(write(tmp_path / "htdemucs", {"htdemucs.yaml": b"models: [a]", "a.safetensors": b"a"}))
    speeds = {("cpu", size): 0.734, ("cuda:0 NVIDIA H100", size): 99.0, ("cpu", size + 1): 88.0}
    for (device, weights_bytes), factor in speeds.items():
        speed = Speed("htdemucs", device, "float32", factor, 1.0, 60.0, weights_bytes)
        remember_speed(tmp_path / "state" / "beatflow", speed)
    lines = bf.ok("models", "list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert next(line for line in lines if line.startswith("htdemucs ")).endswith("  0.73x")
    assert sum(line.startswith(("words to music", "melody to music", "mix to stems")) for line in lines) == 3


def test_weights_of_ones_own_are_listed_but_not_removed(bf: Bf, hub: Hub, models: Path) -> None:
    write(models / "Größer ✨", {"config.json": b"{}", "model.safetensors": safetensors(9)})
    own = row(bf, "Größer ✨")
    assert (own["task"], own["state"], own["licence"]) == (None, "here", None)
    assert "2 digests that nobody told" in bf.ok("models", "verify", "Größer ✨").stderr
    assert "your own" in bf.fails(5, "models", "rm", "Größer ✨")


def test_too_large_for_this_machine(bf: Bf, hub: Hub) -> None:
    bf.environment["BF_MEMORY"] = "6GB"
    bf.environment["BF_DEVICE"] = "cpu"
    assert row(bf, "musicgen-large")["state"] == "too large"
    assert row(bf, NAME)["state"] == "pull"


def test_dry_run_fetches_nothing(bf: Bf, hub: Hub, models: Path) -> None:
    said = bf.ok("models", "pull", NAME, "-n").stderr
    assert said == f"{NAME}: would fetch 1.1 MB in 4 files, CC-BY-NC-4.0\n"
    assert hub.fetched() == []
    assert not models.exists()


def test_json_of_every_subcommand(bf: Bf, hub: Hub, models: Path) -> None:
    pulled = bf.ok("models", "pull", NAME, "--json").json
    assert pulled["schema"] == "beatflow.models.pull/1"
    assert pulled["models"][0]["revision"] == hub.revision(SMALL)
    assert {one["name"] for one in pulled["models"][0]["fetched"]} >= {"model.safetensors"}
    verified = bf.ok("models", "verify", "--json").json
    assert verified["schema"] == "beatflow.models.verify/1"
    assert {file["state"] for file in verified["models"][0]["files"]} == {"ok"}
    removed = bf.ok("models", "rm", NAME, "--json").json
    assert (removed["schema"], removed["dry_run"]) == ("beatflow.models.rm/1", False)
    assert removed["models"][0]["freed_bytes"] > MIB


def test_progress_tells_bytes_and_pace(bf: Bf, hub: Hub, models: Path) -> None:
    said = bf.ok("--progress", "json", "models", "pull", NAME).stderr
    events = [json.loads(line) for line in said.splitlines()]
    whats = [event["what"] for event in events if event["event"] == "progress"]
    assert whats[-1].startswith(f"{NAME} 1.1 MB of 1.1 MB, ")
    assert whats[-1].endswith("/s")


def test_damage_is_found_named_and_mended(bf: Bf, hub: Hub, models: Path) -> None:
    bf.ok("models", "pull", NAME)
    weights = models / NAME / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[9999] ^= 1
    weights.write_bytes(data)
    found = bf("models", "verify")
    assert found.code == 7
    assert found.stdout.startswith(f"{NAME}/model.safetensors: altered (its digest is ")
    assert found.stderr == f"hint: bf models pull --repair {NAME}\n"
    weights.write_bytes(data[:-1000])
    cut = bf("models", "verify", "--json")
    assert cut.code == 7
    states = {file["name"]: file["state"] for file in cut.json["models"][0]["files"]}
    assert states["model.safetensors"] == "truncated"
    assert row(bf)["state"] == "partial"
    bf.ok("models", "pull", "--repair", NAME)
    assert bf.ok("models", "verify", NAME).stderr == f"{NAME}: 4 files good\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "musicgen-smal"), "did you mean musicgen-small?"),
        (("pull", "--offline", NAME), "offline, and the weights of musicgen-small are not here"),
        (("pull", "htdemucs"), "the hub has no adefossez/HTDemucs"),
        (("verify", NAME), "not here"),
        (("rm", NAME), "not here"),
    ],
)
def test_what_cannot_be(arguments: tuple[str, ...], words: str, bf: Bf, hub: Hub) -> None:
    said = bf.fails(5, "models", *arguments)
    assert words in said
    assert "hint: " in said


@pytest.mark.parametrize("variable", ["BF_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_makes_no_request_whatever_is_asked(variable: str, bf: Bf, hub: Hub, models: Path) -> None:
    bf.ok("models", "pull", NAME)
    hub.requests.clear()
    bf.environment[variable] = "1"
    for arguments in (["list"], ["pull", NAME], ["verify"], ["rm", NAME, "-n"]):
        bf.ok("models", *arguments)
    bf.fails(5, "models", "pull", "--repair", NAME)
    bf.fails(5, "models", "pull", "htdemucs")
    assert hub.requests == []


def test_the_clients_own_switch_is_heeded_even_when_ours_is_off(bf: Bf, hub: Hub) -> None:
    bf.environment |= {"HF_HUB_OFFLINE": "1", "BF_OFFLINE": "0"}
    done = bf.spawn("models", "pull", NAME)
    assert done.code == 5
    assert "HF_HUB_OFFLINE keeps" in done.stderr
    assert hub.requests == []


def test_what_was_interrupted_is_shown_and_told(bf: Bf, hub: Hub, tmp_path: Path) -> None:
    blobs = tmp_path / "cache" / "models--facebook--musicgen-small" / "blobs"
    write(blobs, {"a" * 64 + ".incomplete": b"half"})
    assert row(bf)["state"] == "partial"
    assert "no weights are here" in bf.ok("models", "verify").stderr
    assert "freed 4 B" in bf.ok("models", "rm", NAME).stderr
    assert row(bf)["state"] == "pull"


def test_what_the_cache_has_is_copied_to_the_folder(bf: Bf, hub: Hub, tmp_path: Path) -> None:
    bf.ok("models", "pull", NAME)
    bf.environment["BF_MODELS"] = str(tmp_path / "stick")
    assert "would copy 1.1 MB" in bf.ok("models", "pull", NAME, "-n").stderr
    assert bf.ok("models", "pull", NAME).stdout == f"{tmp_path / 'stick' / NAME}\n"
    assert row(bf)["place"] == "folder"


def test_two_pulls_at_once_fetch_once(bf: Bf, hub: Hub, models: Path) -> None:
    hub.pace_s = 0.005
    command = [sys.executable, "-m", "beatflow", "models", "pull", NAME]
    environment = os.environ | bf.environment
    both = [subprocess.Popen(command, cwd=bf.directory, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert [name for name, _ in hub.fetched()].count("model.safetensors") == 1


def test_audiocraft_brings_its_reader_of_words(bf: Bf, hub: Hub, models: Path) -> None:
    hub.repositories["google-t5/t5-base"] = {
        "config.json": b"{}", "spiece.model": b"p", "model.safetensors": safetensors(2000),
        "tf_model.h5": b"h" * 5000,
    }  # fmt: skip
    bf.ok("models", "pull", NAME, "--runtime", "audiocraft")
    assert (models / "t5-base" / "model.safetensors").exists()
    assert not (models / "t5-base" / "tf_model.h5").exists()
    assert (models / NAME / "state_dict.bin").exists()
    assert not (models / NAME / "model.safetensors").exists()
    # Transformers' files serve it as well.
    bf.ok("models", "rm", NAME)
    bf.ok("models", "pull", NAME)
    hub.requests.clear()
    assert "is here" in bf.ok("models", "pull", NAME, "--runtime", "audiocraft").stderr
    assert hub.requests == []


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_keeps_what_came_and_the_same_command_goes_on(bf: Bf, hub: Hub, models: Path) -> None:
    hub.pace_s = 0.05
    command = [sys.executable, "-m", "beatflow", "models", "pull", NAME]
    environment = os.environ | bf.environment
    with subprocess.Popen(command, cwd=bf.directory, env=environment, stderr=subprocess.PIPE) as process:
        # Until some of the large file is on the disk.
        while process.poll() is None and not grown(models / NAME / ".incomplete"):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert b"what has come is kept" in said
    assert b"Traceback" not in said
    hub.pace_s = 0.0
    hub.requests.clear()
    bf.ok("models", "pull", NAME)
    name, span = hub.fetched()[-1]
    assert name == "model.safetensors"
    assert span is not None
    assert int(span[len("bytes=") : -1]) > 0
    assert bf.ok("models", "verify", NAME).stderr == f"{NAME}: 4 files good\n"


def test_the_real_program_pulls_into_the_hubs_cache(bf: Bf, hub: Hub, tmp_path: Path) -> None:
    done = bf.spawn("models", "pull", NAME)
    assert done.code == 0, done.stderr
    place = Path(done.stdout.strip())
    assert place.parent == tmp_path / "cache" / "models--facebook--musicgen-small" / "snapshots"
    assert (place / "model.safetensors").stat().st_size == LARGE_FILE


def test_listing_loads_nothing_heavy_and_opens_no_socket(bf: Bf, hub: Hub, tmp_path: Path) -> None:
    code = (
        "import sys, socket; from beatflow.cli import main\n"
        "def refuse(*args): raise AssertionError('a socket')\n"
        "socket.socket.connect = refuse\n"
        "assert main(['models', 'list', '-q']) == 0\n"
        "heavy = {'torch', 'transformers', 'numpy', 'demucs', 'rich', 'soundfile'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | bf.environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_what_was_pulled_splits_offline_and_its_speed_is_shown(
    bf: Bf, hub: Hub, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("adefossez/HTDemucs", build_demucs(tmp_path / "made"))
    bf.ok("models", "pull", "htdemucs")

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    write_audio(bf.directory / "a.wav", make_mix(0.2))
    bf.environment["BF_DEVICE"] = "cpu"
    made = bf.ok("split", "a.wav", "--offline", "--engine", "htdemucs", "--json").json
    assert made["engine"] == "htdemucs"
    speed = row(bf, "htdemucs")["speed"]
    # Loading is not counted.
    assert speed["device"] == "cpu"
    assert speed["real_time_factor"] > made["real_time_factor"]
