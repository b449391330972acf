"""From played parts to the master: effects, rooms, balance, compressor, limiter, stems that sum. Composes nothing."""
