"""Writes ``docs/cli.md``; with a folder as argument, the man pages into it as well."""

import sys
from pathlib import Path

from beatflow.reference import man_pages, markdown


def main() -> None:
    """Write the files."""
    Path(__file__).with_name("cli.md").write_text(markdown(), encoding="utf-8")
    for folder in map(Path, sys.argv[1:]):
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in man_pages().items():
            (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
