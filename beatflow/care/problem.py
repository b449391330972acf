"""What may be wrong with a repository, and what an examination of it found."""

from dataclasses import dataclass, field

from beatflow.objects.layout import Layout
from beatflow.objects.loss import LostRange


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing or damaged, and whom it hurts.

    Attributes
    ----------
    kind : str
        ``sound``, ``pack``, ``commit``, ``tree``, ``blob``, ``ref``, ``operation`` or ``journal``; ``remote`` for a
        sound that a remote should have.
    message : str
    oid : str or None
        The sound's oid, or git's id of the object.
    commits, paths : tuple of str
        Every commit that has it, oldest first, and its paths there.
    undo : bool
        No commit of a branch or tag has it, only what ``bf undo`` goes back to.
    pack, offset : str, int or None
        Where it lies in the audio store.
    ranges : tuple of LostRange
        What is lost of a sound; empty where that is all of it.
    ref : str or None
        The ref that it is about.
    cause : str or None
        What was met first when a sound could not be read, with all ids.
    """

    kind: str
    message: str
    oid: str | None = None
    commits: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    undo: bool = False
    pack: str | None = None
    offset: int | None = None
    ranges: tuple[LostRange, ...] = ()
    ref: str | None = None
    cause: str | None = None


@dataclass
class Findings:
    """What an examination found, and what there is to mend.

    Attributes
    ----------
    problems : list of Problem
    packs : set of str
        Names of damaged packs.
    chunks : dict
        Id of each lost chunk to how its bytes are read.
    manifests, sounds : set of str
        Sounds of which nothing can be told any more, and those of which only parts are lost.
    objects : dict
        Git's id of each object that is missing or damaged, to whether it is a ``commit``, ``tree`` or ``blob``.
    refs : list of str
        Refs that cannot be read, ``HEAD`` included.
    elsewhere : dict
        Of a partial clone, the oid of each sound that is not here, which is no problem, to its bytes.
    """

    problems: list[Problem] = field(default_factory=list)
    packs: set[str] = field(default_factory=set)
    chunks: dict[bytes, Layout | None] = field(default_factory=dict)
    manifests: set[str] = field(default_factory=set)
    sounds: set[str] = field(default_factory=set)
    objects: dict[str, str] = field(default_factory=dict)
    refs: list[str] = field(default_factory=list)
    elsewhere: dict[str, int] = field(default_factory=dict)
