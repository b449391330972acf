"""Where the program starts: ``bf``, and ``python -m beatflow``. Loads nothing before it can be interrupted politely."""

import gc
import sys


def run() -> int:
    """Run the command line and return its exit code."""
    # Starting up makes tens of thousands of objects that stay: looking for garbage among them every 700 is 4 % of it.
    gc.set_threshold(50_000)
    try:
        from beatflow.interruption import install

        install()
        from beatflow.cli import main

        code = main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was changed\n")
        return 130
    _leave(code)
    return code


def _leave(code: int) -> None:
    """End the process here, where nothing is left to be done but to take it apart: a tenth of a quick command.

    Returns where something is: a thread that has to end, a debugger or profiler, or output that cannot be written.
    """
    import atexit
    import os
    import threading

    if threading.active_count() > 1 or sys.gettrace() or sys.getprofile():
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
    os._exit(code)


if __name__ == "__main__":
    raise SystemExit(run())
