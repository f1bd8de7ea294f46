"""A text that arrives in pieces, wrapped between words."""

import re

from rich.cells import cell_len
from rich.console import Console

from lightrouter_graph.cli.words import safe

_FENCE = re.compile(r"\s*(```|~~~)")
_PIECES = re.compile(r"\n|[^\S\n]*\S+|[^\S\n]+")
"""A word with the blanks before it, a line break, or the blanks that end a text."""


class Paragraphs:
    """Writes a text to a terminal as it arrives; a line too long for it breaks between words.

    Code between fences is left as it is, so that it can be copied. A word is held back until it is whole.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._held = ""
        self._line = ""
        self._column = 0
        self._in_code = False

    def write(self, text: str) -> None:
        """Write the words that are whole, and hold the last one back."""
        *whole, self._held = _PIECES.findall(self._held + safe(text)) or [""]
        if self._held == "\n":
            whole, self._held = [*whole, "\n"], ""
        self._put(whole)

    def end(self) -> None:
        """Write what was held back, and end the line."""
        self._put([self._held])
        self._held = ""
        if self._column:
            self._put(["\n"])

    def _put(self, pieces: list[str]) -> None:
        out = "".join(self._placed(piece) for piece in pieces if piece)
        self._console.out(out, end="", highlight=False)
        self._console.file.flush()

    def _placed(self, piece: str) -> str:
        """Return the piece as it is to be written: behind a break, which takes the place of its blanks, if need be."""
        if piece == "\n":
            self._in_code ^= bool(_FENCE.match(self._line))
            self._line, self._column = "", 0
            return piece
        self._line += piece
        fits = self._column == 0 or self._in_code or self._column + cell_len(piece) <= self._console.width
        placed = piece if fits else piece.lstrip()
        self._column = cell_len(placed) + (self._column if fits else 0)
        return placed if fits else f"\n{placed}"
