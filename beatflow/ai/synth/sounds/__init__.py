"""From notes to samples: instruments, drums, textures, and the bus that they are played onto. Knows no music."""
