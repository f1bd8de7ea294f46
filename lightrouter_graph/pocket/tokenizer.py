"""Text to tokens and back, for the pocket models.

Whole words are tokens, so are a few fixed phrases of the written-out steps; unknown words are spelt. A number is
written digit by digit with its ones first, in token space only: that is the order in which sums are worked out.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

PAD, END, ANSWER, CANDIDATE, SPELL = "<pad>", "<end>", "<answer>", "<candidate>", "<spell>"
SPECIALS = (PAD, END, ANSWER, CANDIDATE, SPELL)
PHRASES = (": ones", ": tens", ": hundreds", ", tens", ", hundreds", ", so", ". Then", ". The answer is")
DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CLOSE = frozenset(".,?:;!%'")
_PIECES = re.compile("|".join([*map(re.escape, PHRASES[::-1]), r"[0-9]+", r"[A-Za-z]+", r"\S"]))
LARGEST_PLACE = 5


def split_pieces(text: str) -> list[str]:
    """Phrases, numbers, words and signs, in order."""
    return _PIECES.findall(text)


@dataclass(frozen=True)
class Tokenizer:
    """A closed vocabulary; the position of a token in `tokens` is its id."""

    tokens: tuple[str, ...]
    ids: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {token: i for i, token in enumerate(self.tokens)})

    def encode(self, text: str) -> list[int]:
        """Tokens of a text; signs without a token are left out."""
        return [self.ids[token] for piece in split_pieces(text) for token in self._tokens_of(piece)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens, ended by the end token if there is one."""
        return "".join(self.stream(ids))

    def stream(self, ids: Iterable[int], *, after: Sequence[int] = ()) -> Iterator[str]:
        """Text as it becomes certain: a number only when its last digit is known, a spelt word likewise.

        Args:
            ids: Tokens as a model writes them.
            after: Tokens already written before them; they decide whether a space comes first.
        """
        writer = TextWriter(self, started=bool(after))
        for token in ids:
            if self.tokens[token] == END:
                break
            if text := writer.write(token):
                yield text
        if text := writer.finish():
            yield text

    def places(self, ids: Sequence[int]) -> list[int]:
        """For each token its place in its number, from 1 for the ones; 0 where it is no digit."""
        places: list[int] = []
        for token in ids:
            digit = self.tokens[token] in DIGITS
            places.append(min(places[-1] + 1 if places else 1, LARGEST_PLACE) if digit else 0)
        return places

    def is_digit(self, token: int) -> bool:
        """Whether this token is one digit of a number."""
        return self.tokens[token] in DIGITS

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that have no token of their own."""
        return [p for p in split_pieces(text) if p not in self.ids and p[0] not in DIGITS]

    def _tokens_of(self, piece: str) -> list[str]:
        if piece[0] in DIGITS:
            return list(piece[::-1])
        if piece in self.ids:
            return [piece]
        return [SPELL, *piece] if piece[0] in LETTERS else []


class TextWriter:
    """Turns tokens into text one by one, holding back what the next token may still change."""

    def __init__(self, tokenizer: Tokenizer, *, started: bool) -> None:
        self._tokens = tokenizer.tokens
        self._held = ""
        self._spelling = False
        self._started = started

    def write(self, token: int) -> str:
        """Take one token; return the text that is now certain, perhaps none."""
        piece = self._tokens[token]
        if piece in DIGITS and not self._spelling:
            self._held = piece + self._held
            return ""
        if self._spelling and len(piece) == 1 and piece in LETTERS:
            self._held += piece
            return ""
        ready = self.finish()
        if piece == SPELL:
            self._spelling = True
        elif piece in DIGITS:
            self._held = piece
        elif piece not in SPECIALS:
            ready += self._spaced(piece)
        return ready

    def finish(self) -> str:
        """The text still held back."""
        held, self._held, self._spelling = self._held, "", False
        return self._spaced(held) if held else ""

    def _spaced(self, piece: str) -> str:
        space = " " if self._started and piece[0] not in _CLOSE else ""
        self._started = True
        return space + piece


def build_tokens(texts: Iterable[str]) -> tuple[str, ...]:
    """The vocabulary that writes these texts without spelling."""
    words = {piece for text in texts for piece in split_pieces(text) if piece[0] not in DIGITS}
    fixed = [*SPECIALS, *PHRASES, *DIGITS, *LETTERS]
    return (*fixed, *sorted(words - set(fixed)))


@cache
def load_tokenizer() -> Tokenizer:
    """The vocabulary the shipped weights were trained with."""
    text = files("lightrouter_graph.pocket").joinpath("weights/vocabulary.json").read_text("utf-8")
    return Tokenizer(tuple(json.loads(text)))
