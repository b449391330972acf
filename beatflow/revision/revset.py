"""The grammar of sets of commits: ``main & tempo(118..124)``, ``v1..HEAD | ~merges()``. Syntax only.

::

    union        = intersection (("|" | "or") intersection)*
    intersection = negation (("&" | "and") negation)*
    negation     = ("~" | "^" | "not")* range
    range        = [item] [(".." | "...") [item]]
    item         = ( "(" union ")" | name "(" argument ")" | word ) ("~" number | "^" number)*

A word is a name that git knows, in quotes where it holds spaces or signs of this grammar. Knows no repository.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from beatflow.errors import UsageError

HINT = "for example 'main & tempo(118..124)'; docs/revisions.md lists the words"
_SIGNS = {"&": "and", "|": "or", "and": "and", "or": "or", "not": "not"}
_WAY = re.compile(r"(?:[~^]\d*)+")
_NAME = re.compile(r"[a-z_]+")
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Word:
    """A commit's name, with everything behind it."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """Commits that something is true of: ``tempo(120)``."""

    function: str
    argument: str


@dataclass(frozen=True, slots=True)
class Way:
    """The commit that a number of steps lead to from the newest of a set, with everything behind it."""

    start: "Node"
    steps: str


@dataclass(frozen=True, slots=True)
class Between:
    """What is behind ``new`` but not behind ``old``; when symmetric, what is behind only one of them."""

    old: "Node"
    new: "Node"
    symmetric: bool


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """What is in both."""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Or:
    """What is in one of them."""

    left: "Node"
    right: "Node"


Node = Word | Call | Way | Between | Not | And | Or


class _Token(NamedTuple):
    kind: str  # "(", ")", "and", "or", "not", "..", "...", "word", "call", "way", "end"
    text: str = ""
    argument: str = ""


def is_set(text: str) -> bool:
    """Say whether a text can be more than a name or a range of names."""
    return bool(re.search(r"[()&|\s]|^[~^]", re.sub(r"\{[^}]*\}", "", text)))


def parse_set(text: str) -> Node:
    """Read an expression.

    Raises
    ------
    UsageError
        It is none; the message says where.
    """
    return _Parser(text).parse()


def unquote(text: str) -> str:
    """Take quotes off."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


class _Parser:
    """Recursive descent, one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._token = self._read()

    def parse(self) -> Node:
        node = self._union()
        if self._token.kind != "end":
            raise self._wrong("& or | is missing")
        return node

    def _union(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._wrong("too deep")
        node = self._chain("or", lambda: self._chain("and", self._negation, And), Or)
        self._depth -= 1
        return node

    def _chain(self, sign: str, part: Callable[[], Node], join: type[And] | type[Or]) -> Node:
        node = part()
        while self._token.kind == sign:
            self._next()
            node = join(node, part())
        return node

    def _negation(self) -> Node:
        negated = False
        while self._token.kind == "not":
            negated = not negated
            self._next()
        node = self._range()
        return Not(node) if negated else node

    def _range(self) -> Node:
        left = self._item() if self._token.kind in ("word", "call", "(") else None
        if self._token.kind not in ("..", "..."):
            if left is None:
                raise self._wrong("a name is missing")
            return left
        symmetric = self._token.kind == "..."
        self._next()
        right = self._item() if self._token.kind in ("word", "call", "(") else None
        return Between(left or Word("HEAD"), right or Word("HEAD"), symmetric)

    def _item(self) -> Node:
        token = self._token
        self._next()
        node: Node
        if token.kind == "(":
            node = self._union()
            if self._token.kind != ")":
                raise self._wrong(") is missing")
            self._next()
        elif token.kind == "call":
            node = Call(token.text, token.argument)
        else:
            node = Word(token.text)
        if self._token.kind == "way":
            node = Way(node, self._token.text)
            self._next()
        return node

    def _next(self) -> None:
        self._token = self._read()

    def _wrong(self, what: str) -> UsageError:
        place = self._text[: self._at].rstrip()
        where = f"after {place!r}" if place and self._token.kind == "end" else f"at {self._token.text!r}"
        return UsageError(f"{what} {where} in {self._text!r}", hint=HINT)

    # Tokens ----------------------------------------------------------------------------------------------

    def _read(self) -> _Token:
        text = self._text
        # Steps stand right behind what they start from; with a space between, ~ means not.
        if text[: self._at].endswith(")") and (way := _WAY.match(text, self._at)):
            self._at = way.end()
            return _Token("way", way[0])
        while self._at < len(text) and text[self._at].isspace():
            self._at += 1
        if self._at == len(text):
            return _Token("end")
        start, letter = self._at, text[self._at]
        for sign in ("...", ".."):
            if text.startswith(sign, start):
                self._at += len(sign)
                return _Token(sign, sign)
        if letter in "()&|~^":
            self._at += 1
            return _Token({"~": "not", "^": "not"}.get(letter) or _SIGNS.get(letter, letter), letter)
        if letter in "\"'":
            end = text.find(letter, start + 1)
            if end < 0:
                raise UsageError(f"a quote is not closed in {text!r}", hint=HINT)
            self._at = end + 1
            return _Token("word", text[start + 1 : end])
        word = self._read_word()
        if word in _SIGNS:
            return _Token(_SIGNS[word], word)
        if self._at < len(text) and text[self._at] == "(":
            if not _NAME.fullmatch(word):
                raise UsageError(f"{word!r} is no function in {text!r}", hint=HINT)
            return _Token("call", word, self._read_argument())
        return _Token("word", word)

    def _read_word(self) -> str:
        """Read up to a space or a sign; what is in braces belongs to it whatever it is."""
        text, start = self._text, self._at
        while self._at < len(text):
            letter = text[self._at]
            if letter == "{":
                end = text.find("}", self._at)
                if end < 0:
                    raise UsageError(f"}} is missing in {text!r}", hint=HINT)
                self._at = end
            elif letter.isspace() or letter in "()&|\"'" or text.startswith("..", self._at):
                break
            self._at += 1
        if self._at == start:
            raise UsageError(f"{text[start:]!r} makes no sense in {text!r}", hint=HINT)
        return text[start : self._at]

    def _read_argument(self) -> str:
        """Read what is between a function's parentheses, inner ones and quoted text included."""
        text, start = self._text, self._at + 1
        depth, quote = 0, ""
        while self._at < len(text):
            letter = text[self._at]
            if quote:
                quote = "" if letter == quote else quote
            elif letter in "\"'" and text[start : self._at].strip() == "":
                quote = letter
            elif letter == "(":
                depth += 1
            elif letter == ")":
                depth -= 1
                if not depth:
                    self._at += 1
                    return unquote(text[start : self._at - 1])
            self._at += 1
        raise UsageError(f") is missing in {text!r}", hint=HINT)
