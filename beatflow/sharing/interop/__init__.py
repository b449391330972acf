"""For those who use git and git-lfs on this machine: a track as their repository, and its sounds for theirs."""
