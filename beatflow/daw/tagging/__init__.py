"""What a sound file says of itself besides its samples: title, tempo, key, time stamps, written into four formats."""
