"""The weights of neural engines: which there are, where they lie, fetching and verifying them."""
