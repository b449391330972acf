"""Git hosts as remotes: history by libgit2's transports, sounds by the Git LFS API."""
