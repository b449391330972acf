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

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was changed\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(run())
