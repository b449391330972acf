"""Finding sounds in any version of any track: by figures and words, by likeness, by tune, by what they were made of."""
