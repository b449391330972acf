"""Where the program starts: ``bf``, and ``python -m beatflow``. Loads nothing before it can be interrupted politely."""

import os
import sys


def run() -> int:
    """Run the command line and return its exit code."""
    # The store's own threads keep every core busy; numpy's library, which reads this once, would fight them for it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from beatflow.cli import main

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was changed\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(run())
