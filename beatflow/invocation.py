"""One run of ``bf``: what a command is handed. Joins settings, terminal, folder, clock and repository.

Holds no logic of any command. Commands are given it.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.config import Layers, Moment, Settings, load_settings, read_layers, share_cores
from beatflow.ui import Look, Ui

if TYPE_CHECKING:
    from beatflow.objects.git.value import Signature
    from beatflow.repository import Repository


class Invocation:
    """The surroundings of one command."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.directory = Path()
        self.ui = Ui()
        self.words: list[str] = []
        """The command line as it was given."""
        self.supplier: Callable[[Repository], Callable[[list[str]], None]] | None = None
        """Gives what brings the sounds that a partial clone lacks when they are needed; the command line sets it."""
        self.announcer: Callable[[Path], None] | None = None
        """Told of each track that is made or changed; the command line sets it."""
        self._flags: dict[str, str | bool | None] = {}
        self._layers: Layers | None = None

    def apply(self, **flags: str | bool | None) -> None:
        """Take global options (None or False for not given) and decide every setting anew."""
        self._flags.update({name: value for name, value in flags.items() if value not in (None, False)})
        # Known before the files are read, so that an error in them is shown as was asked.
        color, progress = self._flags.get("color"), self._flags.get("progress")
        self.ui.look = self.ui.look._replace(
            color=color if isinstance(color, str) else self.ui.look.color,
            progress=progress if isinstance(progress, str) else self.ui.look.progress,
        )
        share_cores()
        # Once more for every option behind the command: the files are read once.
        if self._layers is None or self.directory != Path.cwd():
            self.directory = Path.cwd()
            self._layers = read_layers(self.directory)
        self.settings = settings = load_settings(self.directory, self._flags, self._layers)
        self.ui.look = Look(
            settings.color, settings.progress, settings.quiet, settings.pager, settings.editor
        )

    def clock(self) -> Moment:
        """The time now and the local zone, or what ``BF_NOW`` or ``SOURCE_DATE_EPOCH`` say."""
        if self.settings.now is not None:
            return self.settings.now
        now = time.time()
        return Moment(now, (time.localtime(now).tm_gmtoff or 0) // 60)

    def signature(self) -> "Signature":
        """Who changes something now: the identity and the clock, as git writes them into a commit."""
        from beatflow.objects.git.value import Signature

        moment = self.clock()
        return Signature(*self.settings.identity, int(moment.time), moment.offset_minutes)

    def repository(self) -> "Repository":
        """The repository around the folder.

        Raises
        ------
        NotFoundError
            There is none.
        """
        from beatflow.repository import Repository

        return self._prepare(Repository.get(self.directory, self.signature))

    def find_repository(self) -> "Repository | None":
        """The repository around the folder, or None."""
        from beatflow.repository import Repository

        found = Repository.find(self.directory, self.signature)
        return self._prepare(found) if found else None

    def _prepare(self, repository: "Repository") -> "Repository":
        if self.supplier:
            repository.supply = self.supplier(repository)
        repository.announce = lambda: self.announce(repository.root)
        return repository

    def announce(self, root: Path) -> None:
        """Tell the library that there is a track."""
        if self.announcer:
            self.announcer(root)
