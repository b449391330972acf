"""Another track on this machine as a remote."""
