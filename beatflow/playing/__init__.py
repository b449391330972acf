"""Listening: what an argument names, read as it is heard; the device, the player, comparing by ear, previews."""
