"""The front of the program: how commands declare what they take, and what reads a command line.

``declaring`` is what commands are written with; ``plain`` reads the command lines that most are; ``full`` (typer) reads
all of them, explains mistakes, prints help and completes words.
"""
