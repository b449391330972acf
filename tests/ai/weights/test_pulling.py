"""Pulling weights with the hub's own client from a hub on loopback, and everything that goes wrong on the way."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beatflow.ai.engine import Setup
from beatflow.ai.weights.pulling import plan_pull, pull
from beatflow.ai.weights.record import read_record
from beatflow.ai.weights.shelf import digest_weights, find_partial, find_weights
from beatflow.ai.weights.verifying import verify_weights
from beatflow.errors import BeatFlowError, DamagedError, EngineError
from tests.ai.weights.hubserver import Hub, etag
from tests.ai.weights.world import MIB, SMALL, hub_and_cache, safetensors

NAME = "musicgen-small"
NEEDED = {"config.json", "generation_config.json", "tokenizer.json", "model.safetensors"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_and_cache(monkeypatch, tmp_path / "cache") as hub:
        yield hub


@pytest.fixture(params=["cache", "folder"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    return Setup(models=tmp_path / "models" if request.param == "folder" else None)


@pytest.fixture
def folder(tmp_path: Path) -> Setup:
    return Setup(models=tmp_path / "models")


def interrupt_at(count: int) -> Any:
    """Ctrl-C when so many bytes have come."""

    def told(done: int, total: int, name: str) -> None:
        if done >= count:
            raise KeyboardInterrupt

    return told


def test_all_that_is_needed_comes_and_nothing_else(hub: Hub, setup: Setup) -> None:
    plan = plan_pull(NAME, setup)
    assert {offer.name for offer in plan.missing} == NEEDED
    events: list[tuple[int, int, str]] = []
    place = pull(plan, lambda *event: events.append(event))
    assert place == find_weights(NAME, setup) == plan.folder
    assert {path.name for path in place.iterdir() if path.name[0] != "."} == NEEDED
    assert all((place / name).read_bytes() == hub.repositories[SMALL][name] for name in NEEDED)
    assert [name for name, _ in hub.fetched()].count("model.safetensors") == 1
    # The small files first, and the end is the whole.
    assert (events[0][2], events[-1][2]) == ("generation_config.json", "model.safetensors")
    assert events[-1][0] == events[-1][1] == plan.fetch_bytes
    assert not list(place.parent.rglob("*.incomplete"))
    record = read_record(place)
    assert (record.repository, record.revision) == (SMALL, hub.revision(SMALL))
    assert digest_weights(place)["model.safetensors"] == etag(hub.repositories[SMALL]["model.safetensors"])


def test_what_is_here_costs_no_request(hub: Hub, setup: Setup) -> None:
    pull(plan_pull(NAME, setup))
    hub.requests.clear()
    for offline in (False, True):
        again = Setup(models=setup.models, offline=offline)
        plan = plan_pull(NAME, again)
        assert not plan.missing
        assert pull(plan) == find_weights(NAME, again)
        assert verify_weights(NAME, again).good
    assert hub.requests == []


def test_the_clients_own_download_finds_what_we_pulled(hub: Hub, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    place = pull(plan_pull(NAME, Setup()))
    found = hf_hub_download(SMALL, "model.safetensors", cache_dir=tmp_path / "cache", local_files_only=True)
    assert Path(found) == place / "model.safetensors"


def test_into_a_folder_what_the_cache_has_is_copied(hub: Hub, folder: Setup) -> None:
    pull(plan_pull(NAME, Setup()))
    hub.requests.clear()
    offline = Setup(models=folder.models, offline=True)
    plan = plan_pull(NAME, offline)
    assert plan.fetch_bytes > MIB
    events: list[tuple[int, int, str]] = []
    place = pull(plan, lambda *event: events.append(event))
    assert place == find_weights(NAME, offline) != find_weights(NAME, Setup())
    assert {path.name for path in place.iterdir() if path.name[0] != "."} == NEEDED
    assert not any(path.is_symlink() for path in place.iterdir())
    assert events[-1][0] == events[-1][1] == plan.fetch_bytes
    assert hub.requests == []
    # The hub's word on the files travels along.
    assert {file.state for file in verify_weights(NAME, offline).files} == {"ok"}
    assert plan_pull(NAME, offline).source is None


def test_offline_nothing_is_asked(hub: Hub, setup: Setup) -> None:
    with pytest.raises(EngineError, match="offline") as caught:
        plan_pull(NAME, Setup(models=setup.models, offline=True))
    assert "--offline" in (caught.value.hint or "")
    assert hub.requests == []


def test_interrupted_it_goes_on_where_it_was(hub: Hub, setup: Setup) -> None:
    with pytest.raises(KeyboardInterrupt):
        pull(plan_pull(NAME, setup), interrupt_at(MIB // 2))
    assert find_weights(NAME, setup) is None
    assert find_partial(NAME, setup)
    hub.requests.clear()
    plan = plan_pull(NAME, setup)
    assert [offer.name for offer in plan.missing] == ["model.safetensors"]
    assert plan.fetch_bytes == plan.missing[0].size - plan.partial_bytes < MIB * 3 // 4
    place = pull(plan)
    assert hub.fetched() == [("model.safetensors", f"bytes={plan.partial_bytes}-")]
    assert (place / "model.safetensors").read_bytes() == hub.repositories[SMALL]["model.safetensors"]
    assert find_partial(NAME, setup) is None


def test_a_connection_that_breaks_is_taken_up_again(hub: Hub, folder: Setup) -> None:
    hub.repositories[SMALL].pop("tokenizer.json")
    hub.repositories[SMALL]["spiece.model"] = b"pieces"
    hub.cut = [MIB // 2]
    place = pull(plan_pull(NAME, folder))
    assert (place / "model.safetensors").read_bytes() == hub.repositories[SMALL]["model.safetensors"]
    spans = [span for name, span in hub.fetched() if name == "model.safetensors"]
    assert spans == [None, f"bytes={MIB // 2}-"]


def test_a_server_without_ranges_sends_all_again(hub: Hub, folder: Setup) -> None:
    with pytest.raises(KeyboardInterrupt):
        pull(plan_pull(NAME, folder), interrupt_at(MIB // 2))
    hub.ranges = False
    seen: list[int] = []
    place = pull(plan_pull(NAME, folder), lambda done, total, name: seen.append(done))
    assert (place / "model.safetensors").read_bytes() == hub.repositories[SMALL]["model.safetensors"]
    assert min(seen) < 0 <= seen[-1]


def test_other_bytes_than_were_told_never_count(hub: Hub, setup: Setup) -> None:
    hub.lie.add("model.safetensors")
    with pytest.raises(DamagedError, match="the hub says"):
        pull(plan_pull(NAME, setup))
    assert find_weights(NAME, setup) is None
    assert find_partial(NAME, setup) is None
    hub.lie.clear()
    pull(plan_pull(NAME, setup))
    assert verify_weights(NAME, setup).good


def test_a_small_file_is_proved_by_gits_id(hub: Hub, folder: Setup) -> None:
    hub.lie.add("config.json")
    with pytest.raises(DamagedError, match=r"config\.json"):
        pull(plan_pull(NAME, folder))


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "RepoNotFound", "has no facebook/musicgen-small"),
        (401, None, "has no facebook/musicgen-small"),
        (403, "GatedRepo", "agreed to its terms"),
        (403, None, "agreed to its terms"),
        (404, "RevisionNotFound", "no longer"),
        (418, None, "answers 418"),
    ],
)
def test_what_the_hub_refuses(status: int, code: str | None, words: str, hub: Hub, folder: Setup) -> None:
    hub.status[SMALL] = status, code
    with pytest.raises(EngineError, match=words) as caught:
        plan_pull(NAME, folder)
    assert caught.value.hint
    assert folder.models
    assert not folder.models.exists()


def test_a_hub_that_is_ill_is_asked_again_and_then_no_more(
    hub: Hub, folder: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beatflow.ai.weights.hub.WAIT_S", 0.0)
    plan = plan_pull(NAME, folder)
    hub.status[SMALL] = 503, None
    hub.requests.clear()
    with pytest.raises(EngineError, match="answers 503") as caught:
        pull(plan)
    assert "what has come is kept" in (caught.value.hint or "")
    assert len(hub.requests) == 5


def test_no_network(hub: Hub, folder: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    # A port that nobody listens at.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EngineError, match="cannot be reached"):
        plan_pull(NAME, folder)


def test_a_file_that_is_gone_from_the_repository(hub: Hub, folder: Setup) -> None:
    plan = plan_pull(NAME, folder)
    hub.status[SMALL] = 404, "EntryNotFound"
    with pytest.raises(EngineError, match="no longer"):
        pull(plan)


def test_a_repository_of_something_else(hub: Hub, folder: Setup) -> None:
    hub.repositories[SMALL] = {"README.md": b"moved", "sub/model.safetensors": safetensors(9)}
    with pytest.raises(EngineError, match=r"has no config\.json"):
        plan_pull(NAME, folder)


def test_no_room_is_seen_before_anything_comes(
    hub: Hub, folder: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_pull(NAME, folder)
    usage = shutil.disk_usage(Path(__file__))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(BeatFlowError, match=r"needs 0\.00 GB more") as caught:
        pull(plan)
    assert "BF_MODELS" in (caught.value.hint or "")
    assert hub.fetched() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_gets_full_on_the_way(hub: Hub, folder: Setup) -> None:
    plan = plan_pull(NAME, folder)
    offer = next(offer for offer in plan.missing if offer.name == "model.safetensors")
    waiting = plan.folder / ".incomplete"
    waiting.mkdir(parents=True)
    (waiting / f"{offer.etag}.incomplete").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        pull(plan)
    assert caught.value.errno == errno.ENOSPC
    assert os.fsdecode(caught.value.filename).endswith(".incomplete")
    assert find_weights(NAME, folder) is None


def test_repair_fetches_what_is_damaged_and_only_that(hub: Hub, setup: Setup) -> None:
    place = pull(plan_pull(NAME, setup))
    blob = (place / "model.safetensors").resolve()
    data = bytearray(blob.read_bytes())
    data[5000] ^= 1
    blob.write_bytes(data)
    assert not verify_weights(NAME, setup).good
    hub.requests.clear()
    plan = plan_pull(NAME, setup, repair=True)
    assert [offer.name for offer in plan.missing] == ["model.safetensors"]
    # A plan changes nothing.
    assert blob.read_bytes() == data
    assert pull(plan) == place
    assert [name for name, _ in hub.fetched()] == ["model.safetensors"]
    assert verify_weights(NAME, setup).good


def test_repair_stays_at_the_revision_that_is_here(hub: Hub, setup: Setup) -> None:
    place = pull(plan_pull(NAME, setup))
    plan = plan_pull(NAME, setup, repair=True)
    assert plan.repository
    assert (plan.repository.revision, plan.folder) == (hub.revision(SMALL), place)
    assert any(f"/revision/{hub.revision(SMALL)}" in path for _, path, _ in hub.requests)


def test_files_that_somebody_put_there_are_read_not_fetched(hub: Hub, folder: Setup) -> None:
    assert folder.models
    place = folder.models / NAME
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(hub.repositories[SMALL]["model.safetensors"])
    (place / "tokenizer.json").write_bytes(b"of another model")
    assert {offer.name for offer in plan_pull(NAME, folder).missing} == NEEDED - {"model.safetensors"}


def test_audiocraft_has_files_of_its_own(hub: Hub, folder: Setup) -> None:
    plan = plan_pull(NAME, Setup(models=folder.models, runtime="audiocraft"))
    names = {offer.name for offer in plan.missing}
    assert {"state_dict.bin", "compression_state_dict.bin"} <= names
    assert "model.safetensors" not in names


def test_without_safetensors_the_older_format_comes(hub: Hub, folder: Setup) -> None:
    files = hub.repositories[SMALL]
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    assert "pytorch_model.bin" in {offer.name for offer in plan_pull(NAME, folder).missing}
