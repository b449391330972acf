"""MusicGen: text, melody and what came before to music, with one checkpoint behind two runtimes."""
