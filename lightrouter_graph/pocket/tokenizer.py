"""Tokenizer of the pocket models.

Words and a few fixed phrases of the solutions are tokens; unknown words are encoded letter by letter. A number is
encoded digit by digit, ones first: the order in which sums are calculated.
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
    """Split a string into a list of phrases, numbers, words and signs.

    Args:
        text: Any string.
    """
    return _PIECES.findall(text)


@dataclass(frozen=True)
class Tokenizer:
    """Encoder and decoder of a fixed vocabulary; the index of a token in `tokens` is its id."""

    tokens: tuple[str, ...]
    ids: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {token: i for i, token in enumerate(self.tokens)})

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a string; signs that are not in the vocabulary are skipped.

        Args:
            text: Any string.
        """
        return [self.ids[token] for piece in split_pieces(text) for token in self._tokens_of(piece)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids up to the end token.

        Args:
            ids: Token ids.
        """
        return "".join(self.stream(ids))

    def stream(self, ids: Iterable[int], *, after: Sequence[int] = ()) -> Iterator[str]:
        """Yield complete text: a number after its last digit, an unknown word after its last letter.

        Args:
            ids: Token ids up to an optional end token.
            after: Token ids before them; if any, the text starts with a space.
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
        """Return the digit place of each token: 1 for the ones, 0 if the token is not a digit.

        Args:
            ids: Token ids.
        """
        places: list[int] = []
        for token in ids:
            digit = self.tokens[token] in DIGITS
            places.append(min(places[-1] + 1 if places else 1, LARGEST_PLACE) if digit else 0)
        return places

    def is_digit(self, token: int) -> bool:
        """Return True if a token is a digit.

        Args:
            token: Id of a token, below the size of the vocabulary.
        """
        return self.tokens[token] in DIGITS

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a string that are not in the vocabulary.

        Args:
            text: A question or a prompt.
        """
        return [p for p in split_pieces(text) if p not in self.ids and p[0] not in DIGITS]

    def _tokens_of(self, piece: str) -> list[str]:
        if piece[0] in DIGITS:
            return list(piece[::-1])
        if piece in self.ids:
            return [piece]
        return [SPELL, *piece] if piece[0] in LETTERS else []


class TextWriter:
    """Decodes tokens one by one, and buffers text that the next token may extend.

    Args:
        tokenizer: The vocabulary.
        started: Whether text precedes the first token, so that a space is needed.
    """

    def __init__(self, tokenizer: Tokenizer, *, started: bool) -> None:
        self._tokens = tokenizer.tokens
        self._held = ""
        self._spelling = False
        self._started = started

    def write(self, token: int) -> str:
        """Add one token; return the text that is complete, often "".

        Args:
            token: Token id.
        """
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
        """Return the buffered text."""
        held, self._held, self._spelling = self._held, "", False
        return self._spaced(held) if held else ""

    def _spaced(self, piece: str) -> str:
        space = " " if self._started and piece[0] not in _CLOSE else ""
        self._started = True
        return space + piece


def build_tokens(texts: Iterable[str]) -> tuple[str, ...]:
    """Return a vocabulary that contains all words of some texts.

    Args:
        texts: The training texts.
    """
    words = {piece for text in texts for piece in split_pieces(text) if piece[0] not in DIGITS}
    fixed = [*SPECIALS, *PHRASES, *DIGITS, *LETTERS]
    return (*fixed, *sorted(words - set(fixed)))


@cache
def load_tokenizer() -> Tokenizer:
    """Load the tokenizer of the bundled weights; the result is cached."""
    text = files("lightrouter_graph.pocket").joinpath("weights/vocabulary.json").read_text("utf-8")
    return Tokenizer(tuple(json.loads(text)))
