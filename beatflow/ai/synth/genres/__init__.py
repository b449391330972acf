"""The genres, a module per family. Data only: how they are played is told elsewhere."""

from collections.abc import Mapping

from beatflow.ai.synth.genres import band, bass_music, club, hiphop, jazz, still, world
from beatflow.ai.synth.genres.genre import Genre

GENRES: Mapping[str, Genre] = {
    genre.name: genre
    for family in (hiphop, club, bass_music, still, band, jazz, world)
    for genre in family.GENRES
}

__all__ = ["GENRES", "Genre"]
