"""From what is asked for to notes: choices, form, chords, and the players. Knows no sound."""
