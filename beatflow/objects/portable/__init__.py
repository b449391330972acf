"""What the kernels of `native` do, in numpy and libsndfile: where nothing was compiled, and what they are tested by."""
