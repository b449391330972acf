"""How a mood is put into words for a model that compares sounds with captions.

Captions that such models were trained on are sentences about music, so that a bare word is a poor description: each
mood is told in several ways, and the mean of them stands for it (prompt ensembling; Radford and others 2021, section
3.1.4).
"""

_WORDS = {
    "happy": ("happy", "cheerful", "joyful"),
    "sad": ("sad", "sorrowful", "mournful"),
    "energetic": ("energetic", "driving", "powerful and fast"),
    "calm": ("calm", "peaceful", "relaxing"),
    "angry": ("angry", "aggressive", "furious"),
    "melancholic": ("melancholic", "wistful", "nostalgic and gloomy"),
    "romantic": ("romantic", "tender", "loving"),
}
"""What else a mood is called; any other word is taken as it is."""
_FRAMES = ("This is a {} song.", "{} music.", "A piece of music that sounds {}.")


def write_prompts(label: str) -> tuple[str, ...]:
    """Captions for a mood, or for any other word or phrase that may stand before "music"."""
    sentences = (frame.format(word) for word in _WORDS.get(label, (label,)) for frame in _FRAMES)
    return tuple(sentence[0].upper() + sentence[1:] for sentence in sentences)
