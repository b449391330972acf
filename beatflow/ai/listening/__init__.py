"""Recordings of somebody who hums, whistles, sings, plays or beatboxes, to notes. Knows samples and notes only."""
