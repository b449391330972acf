"""Where the program starts: ``bf``, and ``python -m beatflow``. Loads nothing before it can be interrupted politely."""

import sys


def run() -> int:
    """Run the command line and return its exit code."""
    try:
        from beatflow.cli import main

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was changed\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(run())
