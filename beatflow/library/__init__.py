"""Everything that was made, played and liked on this machine: a catalogue that can be built anew."""
