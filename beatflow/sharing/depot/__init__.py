"""A depot: our own layout in a place, which holds a track's refs, history, sounds, locks and previews."""
