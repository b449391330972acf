"""Running a recipe again, with the very functions that ran it the first time.

What comes out goes into a scratch folder; nothing in the track changes.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from beatflow.ai.device import choose_device
from beatflow.ai.engine import Demanding, EngineInfo, Progress, Sampling, Setup
from beatflow.ai.table import Choice, get_engine, pick
from beatflow.ai.weights.shelf import digest_weights, find_weights
from beatflow.delivery import Handover, Place, digest
from beatflow.errors import AudioError, DamagedError, EngineError, NotFoundError, UsageError
from beatflow.lineage.recipe import Input, Recipe
from beatflow.lineage.state import State
from beatflow.repository import Repository
from beatflow.sound.formats import FORMATS
from beatflow.track import Stem, Track

_FIGURES = ("tempo", "key", "loudness_lufs")
_PLAIN = Setup()
_DRAWN = ("temperature", "top_k", "top_p", "guidance")


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a run gave.

    Parameters
    ----------
    takes : sequence of mapping of str to Path
        For each take that was drawn, stem to file; the empty name is the mix.
    choice : Choice or None
        The engine; None where none was at work.
    figures : sequence of mapping
        Of the contract, as measured, for each take.
    """

    takes: Sequence[Mapping[str, Path]]
    choice: Choice | None = None
    figures: Sequence[Mapping[str, Any]] = ({},)


class Pantry:
    """Gets the sounds that a recipe needs, by their ids: out of the store, or from where they lay.

    Parameters
    ----------
    repository : Repository
    state : State
        Where to look for paths and the score.
    scratch : Path
        Folder for copies.
    """

    def __init__(self, repository: Repository, state: State, scratch: Path) -> None:
        self.repository = repository
        self.state = state
        self._scratch = scratch

    def get(self, wanted: Input) -> Path:
        """Return a sound as a file.

        Raises
        ------
        NotFoundError
            It is nowhere.
        DamagedError
            It is in the store, but not whole.
        """
        copy = self._scratch / f"{wanted.oid}{PurePosixPath(wanted.path).suffix[:10]}"
        if copy.exists():
            return copy
        if wanted.oid in self.repository.audio:
            self.repository.audio.write_files([(wanted.oid, copy)])
            return copy
        paths = [path for path, oid in self.state.sounds.items() if oid == wanted.oid]
        for place in (self.repository.root / path for path in (*paths, wanted.path)):
            if place.is_file() and digest(place) == wanted.oid:
                return place
        raise NotFoundError(
            f"{wanted.path} is needed and not here ({wanted.oid[:12]})",
            hint="put the file back to where it was, or fetch the history that has it",
        )

    def open(self, oid: str, path: str) -> BinaryIO:
        """Open a sound for reading, as `get`."""
        return self.get(Input(oid, path)).open("rb")


def choose_engine(recipe: Recipe, setup: Setup, remote: bool) -> Choice:
    """Get the engine of a recipe, on the device, in the number format and with the library of the first time if it can.

    Raises
    ------
    EngineError
        It is gone, lacks its weights, or has others; or it works on somebody else's machine and ``remote`` is not set.
    """
    task = recipe.task
    assert task is not None
    info: EngineInfo = get_engine(recipe.engine, setup).info
    if info.remote and not remote:
        raise EngineError(
            f"{info.name} works on somebody else's machine, costs money and gives another sound each time",
            hint="--remote asks it all the same",
        )
    setup = _match(recipe, setup)
    choice = pick(task, recipe.engine, setup)
    _check_weights(recipe, choice, setup)
    return choice


def _match(recipe: Recipe, setup: Setup) -> Setup:
    """Fill in what the settings leave open with what it was the first time."""
    record = recipe.record
    runtime, device, dtype = (record.get(name) for name in ("runtime", "device", "dtype"))
    if setup.runtime == "auto" and isinstance(runtime, str):
        setup = replace(setup, runtime=runtime)
    if setup.device == "auto" and device == "cpu":
        setup = replace(setup, device="cpu")
    engine = get_engine(recipe.engine, setup)
    known = isinstance(dtype, str) and isinstance(device, str)
    if setup.dtype == "auto" and known and isinstance(engine, Demanding):
        # Half precision of a GPU is none that a CPU has.
        same_kind = _find_kind(engine) == str(device).partition(":")[0]
        setup = replace(setup, dtype=str(dtype)) if same_kind else setup
    return setup


def _find_kind(engine: Demanding) -> str:
    """Return on what kind of device an engine would run."""
    kind = engine.facts.device.partition(":")[0]
    if kind == "auto":
        with suppress(EngineError):
            return choose_device().kind
    return kind


def _check_weights(recipe: Recipe, choice: Choice, setup: Setup) -> None:
    """Refuse weights that are not those of the first time, before they are loaded."""
    recorded = recipe.record.get("weight_digests")
    if not isinstance(recorded, dict) or not recorded:
        return
    here = dict(choice.facts.weights)
    folders = [find_weights(name, setup) for name in choice.info.weights]
    for folder in folders:
        here |= digest_weights(folder) if folder else {}
    for name, then in recorded.items():
        now = here.get(name)
        if now and now != then:
            raise EngineError(
                f"the weights of {choice.info.name} here are not those that it was made with: {name} is {now[:12]}, "
                f"was {str(then)[:12]}",
                hint=f"bf models verify {choice.info.weights[0] if choice.info.weights else choice.info.name}",
            )


def run(
    recipe: Recipe,
    path: str,
    pantry: Pantry,
    choice: Choice | None,
    folder: Path,
    progress: Progress,
    setup: Setup = _PLAIN,
) -> Rendering:
    """Run a recipe.

    Parameters
    ----------
    path : str
        Of the sound that is wanted; its suffix chooses the format.
    choice : Choice or None
        The engine; None for a mix, a merge and a loop.
    folder : Path
        Empty; the files go there.
    setup : Setup
        For engines besides.

    Raises
    ------
    BeatFlowError
        As when it was made; or something that it needs is not here.
    """
    if recipe.plan is not None:
        return _run_remix(recipe, path, pantry, choice, folder, progress, setup)
    if choice is None:
        return _WITHOUT_ENGINE[recipe.kind](recipe, path, pantry, folder)
    if recipe.fitted:
        return _run_stem(recipe, path, pantry, choice, folder, progress)
    runs: dict[str, Callable[[], Rendering]] = {
        "generate": lambda: _run_takes(recipe, path, pantry, choice, folder, progress),
        "hum": lambda: _run_takes(recipe, path, pantry, choice, folder, progress),
        "extend": lambda: _run_extension(recipe, path, pantry, choice, folder, progress),
        "split": lambda: _run_split(recipe, pantry, choice, folder, progress),
    }
    return runs[recipe.kind]()


def _run_takes(
    recipe: Recipe, path: str, pantry: Pantry, choice: Choice, folder: Path, progress: Progress
) -> Rendering:
    from beatflow.making.hearing import Hearing, hear
    from beatflow.making.production import produce

    source = None
    if recipe.kind == "hum":
        (wanted, *_) = recipe.inputs or (None,)
        if wanted is None:
            raise NotFoundError("the record does not say which recording was hummed")
        tracker = pick("transcribe", recipe.heard or "auto")
        hearing = Hearing.from_json(recipe.record.get("heard"))
        source = hear(tracker, pantry.get(wanted), wanted.path, progress, hearing).source
    suffix = _suffix(path)
    place = Place(folder) if recipe.stem or suffix == ".wav" else Place(folder, f"mix{suffix}")
    request = _heed(recipe, choice)
    handover = Handover(folder, place=place)
    takes = produce(choice, request, handover, source, progress=progress, again=recipe.seeds)
    files = [
        {**{stem.name: stem.path for stem in take.stems}, **({"": take.mix.path} if take.mix else {})}
        for take in takes
    ]
    figures = [{name: take.measured.get(name) for name in _FIGURES} | {"bars": take.bars} for take in takes]
    return Rendering(files, choice, figures)


def _run_extension(
    recipe: Recipe, path: str, pantry: Pantry, choice: Choice, folder: Path, progress: Progress
) -> Rendering:
    from beatflow.making.extension import extend_file

    wanted = _only_input(recipe)
    place = Place(folder, f"mix{_suffix(path)}")
    done = extend_file(
        pantry.get(wanted),
        wanted.path,
        choice,
        _heed(recipe, choice),
        Handover(folder, place=place),
        progress,
    )
    assert done.sound is not None
    return Rendering([{"": done.sound.path}], choice)


def _run_split(recipe: Recipe, pantry: Pantry, choice: Choice, folder: Path, progress: Progress) -> Rendering:
    from beatflow.making.separation import read_wanted, split_file

    mix = _only_input(recipe)
    handover, wanted = Handover(folder, place=Place(folder)), read_wanted(recipe.record)
    done = split_file(pantry.get(mix), mix.path, choice, handover, progress, wanted)
    return Rendering([{stem.name: stem.path for stem in done.stems}], choice)


def _run_stem(
    recipe: Recipe, path: str, pantry: Pantry, choice: Choice, folder: Path, progress: Progress
) -> Rendering:
    from beatflow.making.production import compose_part
    from beatflow.making.stem import fit_among
    from beatflow.sound.files import read_info
    from beatflow.sound.writing import write_audio

    assert recipe.stem is not None
    files = {name: pantry.get(Input(oid, f"{name}.wav")) for name, oid in recipe.beside.items()}
    if recipe.replaced:
        files[recipe.stem] = pantry.get(recipe.replaced)
    made = compose_part(choice, _heed(recipe, choice), progress)
    sound, _ = fit_among(made, recipe.stem, files)
    target = folder / f"{recipe.stem}{_suffix(path)}"
    write_audio(target, sound, read_info(next(iter(files.values()))).subtype)
    choice.settle()
    return Rendering([{recipe.stem: target}], choice)


def _run_mix(recipe: Recipe, path: str, pantry: Pantry, folder: Path) -> Rendering:
    from beatflow.mixing.rendering import render

    track, oids = _find_mix(recipe, path, pantry)
    first = next(iter(oids))
    try:
        like = pantry.open(pantry.state.sounds[path], path)
    except (DamagedError, NotFoundError):
        # A mix that is gone had its stems' depth.
        like = pantry.open(oids[first], first)
    target = folder / f"mix{_suffix(path)}"
    render(track, lambda file: pantry.open(oids[file], file), like, target)
    return Rendering([{"": target}])


def _run_merge(recipe: Recipe, path: str, pantry: Pantry, folder: Path) -> Rendering:
    """Put versions together as `bf merge` did by itself, or `bf resolve --mix` as it was told to."""
    from beatflow.merge.soundmerge import Refusal, splice_sounds, sum_sounds

    by_hand = UsageError(
        f"{path} was put together by hand, and its record does not say exactly how",
        hint=f"bf blame {path} tells what is from where",
    )
    roles = ("base", "ours", "theirs") if recipe.share_of_theirs is None else ("ours", "theirs")
    if len(recipe.inputs) != len(roles):
        raise by_hand
    openers = {
        role: partial(pantry.open, one.oid, one.path) for role, one in zip(roles, recipe.inputs, strict=True)
    }
    target = folder / f"merge{_suffix(path)}"
    if recipe.share_of_theirs is not None:
        sum_sounds(openers, recipe.share_of_theirs, target)
    else:
        done = splice_sounds(openers, target)
        if isinstance(done, Refusal) or done.to_json() != recipe.record.get("stretches"):
            raise by_hand
    return Rendering([{"": target}])


def _run_loop(recipe: Recipe, path: str, pantry: Pantry, folder: Path) -> Rendering:
    from beatflow.making.looping import cut_again

    wanted, parameters = _only_input(recipe), recipe.record.get("parameters")
    places = parameters if isinstance(parameters, dict) else {}
    if not all(isinstance(places.get(name), int) for name in ("start_frame", "frames")):
        raise DamagedError(f"the record of {path} does not say which stretch it is")
    target = folder / f"loop{_suffix(path)}"
    cut_again(pantry.get(wanted), wanted.path, places, target)
    return Rendering([{"": target}])


def _run_remix(
    recipe: Recipe,
    path: str,
    pantry: Pantry,
    choice: Choice | None,
    folder: Path,
    progress: Progress,
    setup: Setup,
) -> Rendering:
    from beatflow.remix.remixing import write_again
    from beatflow.remix.studio import Crew

    assert recipe.plan is not None
    groove, subtype = recipe.plan.groove, recipe.record.get("subtype")
    if not isinstance(subtype, str) or not recipe.inputs:
        raise DamagedError(f"the record of {path} does not say what it was made of, or how deep it is")
    separator = None
    if groove and groove.separator:
        separator = pick("separate", groove.separator, setup)
    inputs = [(pantry.get(one), one.path) for one in recipe.inputs]
    target = folder / f"remix{_suffix(path)}"
    measured = write_again(inputs, recipe.plan, subtype, Crew(choice, separator), target, folder, progress)
    return Rendering([{"": target}], choice, [measured])


_WITHOUT_ENGINE = {"mix": _run_mix, "merge": _run_merge, "loop": _run_loop}


def _find_mix(recipe: Recipe, path: str, pantry: Pantry) -> tuple[Track, dict[str, str]]:
    """Return the score of a mix, and its stems' paths to ids."""
    from beatflow.mixing.rendering import read_score

    if recipe.stems:
        files = {name: f"{name}.wav" for name in recipe.stems}
        track = Track(stems={name: Stem(file) for name, file in files.items()}, mix_file=path)
        return track, {files[name]: oid for name, oid in recipe.stems.items()}
    state = pantry.state
    track, wanted = state.track, {one.oid for one in recipe.inputs}
    oids = {stem.file: state.sounds[stem.file] for stem in track.stems.values() if stem.file in state.sounds}
    if not oids or set(oids.values()) != wanted or track.mix_file != path:
        kept = read_score(recipe.record, path)
        by_path = {one.path: one.oid for one in recipe.inputs}
        if kept and all(stem.file in by_path for stem in kept.stems.values()):
            return kept, {stem.file: by_path[stem.file] for stem in kept.stems.values()}
        raise NotFoundError(
            f"the faders that {path} was mixed with are not those of track.toml here",
            hint=f"name the commit that brought it: bf log {path}, then bf reproduce REV:{path}",
        )
    return track, oids


def _only_input(recipe: Recipe) -> Input:
    if len(recipe.inputs) != 1:
        raise UsageError(f"the record names {len(recipe.inputs)} sounds that it was made of, not one")
    return recipe.inputs[0]


def _heed(recipe: Recipe, choice: Choice) -> Any:
    """Return the request with only those options of sampling that the engine still has."""
    sampling = recipe.request.sampling
    kept = {name: getattr(sampling, name) for name in _DRAWN if name in choice.info.options}
    return replace(recipe.request, sampling=Sampling(**kept))


def _suffix(path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix and suffix not in FORMATS:
        raise AudioError(f"{path}: no sound can be written as {suffix}")
    return suffix or ".wav"
