"""History in git's own format: objects, refs and packs of a bare repository."""
