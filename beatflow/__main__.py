"""``python -m beatflow`` is ``bf``."""

from beatflow.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
