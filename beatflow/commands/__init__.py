"""One file per command: parse, one library call, render. No logic lives here."""
