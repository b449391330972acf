"""``bf lfs-agent``."""

import sys
from pathlib import Path
from typing import Annotated

from beatflow.commandline.declaring import Option
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def lfs_agent(
    invocation: Invocation,
    install: Annotated[
        Path | None,
        Option("--install", metavar="GITREPO", help="Have git-lfs of a git repository use this track."),
    ] = None,
    uninstall: Annotated[
        Path | None,
        Option("--uninstall", metavar="GITREPO", help="Have it talk to its server again."),
    ] = None,
    git_dir: Annotated[
        Path | None,
        Option("--git-dir", metavar="DIR", help="Given by git-lfs: where it keeps its files."),
    ] = None,
) -> None:
    """Let a plain git-lfs keep its files in this track's audio store.

    --install writes that into a git repository's own settings; from then on git-lfs there runs `bf lfs-agent` instead
    of talking to a server: git push stores sounds here, as small as BeatFlow stores them, git checkout gets them from
    here. Git-lfs always puts a copy of its own into .git/lfs; git lfs prune --force frees it after a push.

    Examples:
      bf lfs-agent --install ../song-git
      bf lfs-agent --install .
      bf lfs-agent --uninstall ../song-git
    """
    from beatflow.importing.gitfolder import get_git_folder
    from beatflow.sharing.interop.lfsagent import LfsAgent, install_agent, uninstall_agent

    ui = invocation.ui
    if install is not None and uninstall is not None:
        raise UsageError("--install or --uninstall, not both", hint="bf lfs-agent --install GITREPO")
    if uninstall is not None:
        uninstall_agent(get_git_folder(invocation.directory / uninstall).open())
        ui.say(f"git-lfs in {uninstall} talks to its server again")
        return
    repository = invocation.repository()
    if install is not None:
        source = get_git_folder(invocation.directory / install)
        install_agent(repository, source.open(), sys.executable)
        ui.say(f"git-lfs in {source.root or source.directory} keeps its files in {repository.root}")
        ui.say("git lfs prune --force there frees its own copies, once they are pushed")
        return
    folder = git_dir / "lfs" / "tmp" if git_dir else repository.scratch

    def send(line: str) -> None:
        ui.emit(line)
        ui.flush()

    LfsAgent(repository, folder, send).run(ui.read_input())
