"""Pictures of sounds: what is measured for them, how they are laid out, and drawn as PNG, SVG, HTML and text."""
