"""What came of a remix, and the record of it that goes with the sound."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from beatflow.contract.measuring import Measurement
from beatflow.contract.terms import Contract
from beatflow.making.recipe import describe_engine, surroundings
from beatflow.making.take import SoundFile
from beatflow.remix.hearing import Heard
from beatflow.remix.planning import Draft
from beatflow.remix.request import RemixRequest
from beatflow.remix.studio import Crew
from beatflow.remix.subject import Part, Subject


@dataclass(frozen=True, slots=True)
class Remix:
    """What came of a sound.

    Parameters
    ----------
    subject : Subject
    draft : Draft
        What was decided.
    before : Heard
    frames, sample_rate, channels, subtype
        Of the result.
    tempo, key : float, str or None
        Of the result, as far as they are known.
    contract : Contract or None
        None for a dry run, where nothing is rendered.
    measured : Measurement or None
    limited_db, headroom_db : float
        What happened to its level besides what was asked.
    clipped : int
        Samples that passed full scale when they were written.
    crew : Crew
    sound : SoundFile or None
    seconds : float
    parts : tuple of Part
        The sounds whose sum was remixed: the one that was named, or its true stems without its drums.
    """

    subject: Subject
    draft: Draft
    before: Heard
    frames: int
    sample_rate: int
    channels: int
    subtype: str
    tempo: float | None
    key: str | None
    contract: Contract | None = None
    measured: Measurement | None = None
    limited_db: float = 0.0
    headroom_db: float = 0.0
    clipped: int = 0
    crew: Crew = field(default_factory=Crew)
    sound: SoundFile | None = None
    seconds: float = 0.0
    parts: tuple[Part, ...] = ()

    @property
    def duration_s(self) -> float:
        """Of the result, seconds."""
        return self.frames / self.sample_rate

    @property
    def real_time_factor(self) -> float:
        """Seconds of sound made per second of work."""
        return round(self.duration_s / max(self.seconds, 1e-6), 2)


def describe_remix(remix: Remix, request: RemixRequest) -> dict[str, Any]:
    """Where a remix comes from; `beatflow.remix.remixing.write_again` needs nothing else."""
    found, crew = remix.draft, remix.crew
    record: dict[str, Any] = {
        "kind": "remix",
        "asked": tell_request(request),
        "plan": found.plan.to_json(),
        "subtype": remix.subtype,
        "tempo": round(found.tempo, 6) if found.tempo else None,
        "key": found.key,
        "meter": found.source.meter,
        "contract": remix.contract.to_json() if remix.contract else None,
        "measured": remix.measured.to_json() if remix.measured else {},
        "inputs": [{"path": part.path, "oid": part.oid} for part in remix.parts],
        "seconds": remix.seconds,
        "real_time_factor": remix.real_time_factor,
    }
    weights: list[str] = []
    if crew.maker:
        record |= describe_engine(crew.maker) | surroundings(crew.maker, remix.seconds, remix.duration_s)
        record["prompt"] = found.plan.groove.prompt if found.plan.groove else ""
        record["seed"] = found.plan.groove.seed if found.plan.groove else 0
        weights += crew.maker.info.weights
    if crew.separator:
        info = crew.separator.info
        record["separator"] = {"engine": info.name, "engine_version": info.version}
        weights += info.weights
    return record | ({"weights": weights} if weights else {})


def tell_request(request: RemixRequest) -> Mapping[str, Any]:
    """What was asked for, under the glossary's names, without what was not."""
    asked = {name: value for name, value in asdict(request).items() if value not in (None, False, 0.0, "")}
    if request.tempo:
        asked["tempo"] = request.tempo.tempo if request.tempo.tempo is not None else str(request.tempo)
    if request.tail:
        asked.pop("tail")
    return asked
