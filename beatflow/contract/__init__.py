"""What was asked of a sound, and whether it holds: measured, never believed."""
