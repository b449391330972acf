"""Bytes on disk: chunks, packs, manifests, git history, operations. Knows no audio theory and no terminal."""
