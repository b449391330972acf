"""Where a command line is run, and the one place where errors are shown. Holds no logic of any command."""

import errno
import os
import sys
from contextlib import chdir, nullcontext, suppress
from typing import TYPE_CHECKING

from beatflow.commandline.beginning import begin, check_folder
from beatflow.commandline.plain import read
from beatflow.config import completing
from beatflow.errors import BeatFlowError
from beatflow.invocation import Invocation
from beatflow.library.registry import remember_track

if TYPE_CHECKING:
    from beatflow.objects.store import Supply
    from beatflow.repository import Repository

_OS_HINTS = {
    errno.ENOSPC: "free some space and run it again; nothing was changed",
    errno.EDQUOT: "free some space and run it again; nothing was changed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "check who owns it and its permissions",
    errno.EPERM: "check who owns it and its permissions",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.EMFILE: "raise the limit on open files: ulimit -n 4096",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    invocation = Invocation()
    invocation.supplier = lambda repository: _make_supply(invocation, repository)
    invocation.announcer = lambda root: remember_track(invocation.settings.state, root)
    try:
        code = _run(sys.argv[1:] if argv is None else argv, invocation)
        invocation.ui.flush()
        return code
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except BaseException as error:
        return _report(error, invocation)


def _make_supply(invocation: Invocation, repository: "Repository") -> "Supply":
    """What brings the sounds that a partial clone has left elsewhere; loaded when a track is opened, and not before."""
    from beatflow.commands.supplying import make_supply

    return make_supply(invocation, repository)


def _run(argv: list[str], invocation: Invocation) -> int:
    invocation.words = argv
    call = None if completing() else read(argv)
    if call is None:
        from beatflow.commandline import full

        return full.run(argv, invocation)
    directory = call.options.pop("directory", None)
    if directory is not None:
        check_folder(directory)
    with chdir(directory) if directory is not None else nullcontext():
        invocation.apply(**call.options)
        begin(invocation, call.name)
        result = call.function(invocation, **call.values)
    return result if isinstance(result, int) else 0


def _report(error: BaseException, invocation: Invocation) -> int:
    """Show an error the way it wants to be shown; the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    message, hint, label, code = _explain(error)
    with suppress(OSError):
        invocation.ui.flush()
    if invocation.settings.debug and label != "interrupted":
        import traceback

        traceback.print_exception(error)
    invocation.ui.error(message, hint, label, code)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    if isinstance(error, OSError):
        # What could not be written now cannot be written at exit either.
        _silence_stdout()
    return code


def _explain(error: BaseException) -> tuple[str, str | None, str, int]:
    """An exception as message, hint, label and exit code."""
    if isinstance(error, BeatFlowError):
        return error.message, error.hint, "error", error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "nothing was changed", None, "interrupted", 130
    if isinstance(error, MemoryError):
        return "out of memory", "close other programs, or work on a shorter piece", "error", 6
    if isinstance(error, OSError) and error.errno is not None:
        names = " -> ".join(
            os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)
        )
        reason = (error.strerror or os.strerror(error.errno)).lower()
        return (f"{names}: {reason}" if names else reason), _OS_HINTS.get(error.errno), "error", 1
    return _explain_bug(error)


def _explain_bug(error: BaseException) -> tuple[str, str | None, str, int]:
    """What nobody foresaw: a plug-in's fault, or ours."""
    from beatflow.ai.plugin import explain_failure

    # Whatever is wrong with a package, what went wrong first is told.
    with suppress(Exception):
        if failure := explain_failure(error):
            return (*failure, "error", 5)
    return f"{type(error).__name__}: {error}", "run again with --debug", "bug", 70


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere: whoever read our output has left."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
