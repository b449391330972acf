"""Where stretches of a sound come from, and which commits touched them."""
