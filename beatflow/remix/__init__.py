"""A sound made into another one: tempo, key, effects, another genre; and how it is told and made again."""
