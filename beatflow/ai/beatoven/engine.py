"""The engine: orders tracks from Beatoven, waits for them, fetches them. Joins the other modules.

An order costs money, so it is sent once, remembered until its track lies where it belongs, and taken up again by the
next command that asks for the same. Loads its HTTP client when it first works.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from beatflow.ai.beatoven.address import check_base
from beatflow.ai.beatoven.wording import make_prompt
from beatflow.ai.engine import Brief, EngineInfo, Guide, Performance, Progress, RunFacts, Setup, no_progress
from beatflow.errors import EngineError, UsageError

if TYPE_CHECKING:
    from beatflow.ai.beatoven.errand import Errand
    from beatflow.ai.beatoven.job import Delivery, Patience
    from beatflow.ai.beatoven.service import Task
    from beatflow.ai.beatoven.transport import Limits

ADDRESS = "https://public-api.beatoven.ai"
_DASHBOARD = "https://sync.beatoven.ai/apiDashboard"
_NOISY_DB = -10.0


class BeatovenEngine:
    """Music from Beatoven's service: a mastered track, and stems that are made to sum to it."""

    info = EngineInfo(
        name="beatoven",
        version="1",
        tasks=frozenset({"generate"}),
        licence="LicenseRef-Beatoven-Terms",
        extra="beatoven",
        remote=True,
    )

    def __init__(
        self, setup: Setup, patience: "Patience | None" = None, limits: "Limits | None" = None
    ) -> None:
        """Make it for a setup; the others are for impatient tests."""
        self._setup = setup
        self._patience = patience
        self._limits = limits
        self._fetched: list[Errand] = []

    @property
    def facts(self) -> RunFacts:
        """Nobody here knows on what the service computes."""
        return RunFacts(device="remote", dtype="unknown", runtime="beatoven-api-v1")

    def check_ready(self) -> None:
        """See whether there is a client, a network to use and a key; asks nobody."""
        if find_spec("urllib3") is None:
            raise EngineError("beatoven needs urllib3", hint='pip install "beatflow[beatoven]"')
        if self._setup.offline:
            raise EngineError("beatoven works over the network, and offline is set", hint="unset BF_OFFLINE")
        check_base(self._address)
        self._get_key()

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Order a track, or take up one that was ordered before, and wait for it."""
        return self.generate_batch([brief], progress=progress)[0]

    def generate_batch(
        self, briefs: Sequence[Brief], guide: Guide | None = None, progress: Progress = no_progress
    ) -> list[Performance]:
        """Order several tracks at once; none is forgotten before `settle`."""
        if guide is not None:
            raise UsageError("Beatoven follows no melody", hint="bf hum --engine auto")
        prompts = [make_prompt(brief) for brief in briefs]
        self.check_ready()
        # The HTTP client and the decoders are loaded here and not before.
        from beatflow.ai.beatoven.job import Job, Meter, Patience
        from beatflow.ai.beatoven.service import make_order
        from beatflow.ai.beatoven.transport import Limits, Transport

        meter = Meter(progress)
        folder = self._setup.state / "beatoven" if self._setup.state else None
        orders = [make_order(prompt, brief.loop) for prompt, brief in zip(prompts, briefs, strict=True)]
        transport = Transport(self._address, self._get_key(), self._limits or Limits(), meter.wait)
        patience = self._patience or Patience()
        with closing(transport), Job(transport, folder, patience, meter, self._fetched) as job:
            job.begin(orders, {"address": self._address, "account": _digest(self._get_key())})
            for task in job.resumed:
                self._setup.tell(f"taking up {task}, which was ordered from Beatoven before")
            if folder and not job.remembered:
                self._setup.tell(
                    f"{folder} cannot be written to: an interrupted order could not be taken up again"
                )
            made = [
                self._perform(job.fetch(task), task, order, brief)
                for task, order, brief in zip(job.wait_for_all(), orders, briefs, strict=True)
            ]
            self._fetched += job.errands
        meter.report(1.0, "done")
        return made

    def settle(self) -> None:
        """Forget what was ordered: it is safe."""
        for errand in self._fetched:
            errand.forget()
        self._fetched.clear()

    def _perform(
        self, delivery: "Delivery", task: "Task", order: Mapping[str, Any], brief: Brief
    ) -> Performance:
        from beatflow.ai.beatoven.assembly import assemble

        assembly = assemble(delivery.track, delivery.stems, brief.stems)
        if assembly.residual_db is not None and assembly.residual_db > _NOISY_DB:
            self._setup.tell(
                f"Beatoven's stems sum to its track only within {assembly.residual_db:g} dB; they share the difference"
            )
        delivered = {"track": delivery.track, **delivery.stems}
        return Performance(
            stems=assembly.stems,
            mix=assembly.mix,
            subtype=assembly.subtype,
            tempo=None,
            key=None,
            bars=None,
            meter=None,
            notes={},
            parameters={
                "service": self._address,
                "task": task.name,
                "sent": order,
                "stem_residual_db": assembly.residual_db,
                "delivered": {name: file.to_json() for name, file in delivered.items()},
            },
        )

    @property
    def _address(self) -> str:
        return self._setup.addresses.get("beatoven", ADDRESS)

    def _get_key(self) -> str:
        """The key, or what to do without one. A key that no header can carry would be shown in Python's own error."""
        key = self._setup.keys.get("beatoven", "").strip()
        if not key:
            raise EngineError("beatoven needs a key", hint=f"export BEATOVEN_API_KEY=…, from {_DASHBOARD}")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise EngineError(
                "BEATOVEN_API_KEY holds letters that no key has", hint=f"copy it again from {_DASHBOARD}"
            )
        return key


def _digest(key: str) -> str:
    """Tells one user's orders from another's without saying the key."""
    return hashlib.sha256(key.encode()).hexdigest()
