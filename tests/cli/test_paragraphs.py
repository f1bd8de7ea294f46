"""Wrapping a text that arrives in pieces."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lightrouter_graph.cli.paragraphs import Paragraphs


def written(*pieces: str, width: int = 20) -> str:
    file = io.StringIO()
    paragraphs = Paragraphs(Console(file=file, width=width))
    for piece in pieces:
        paragraphs.write(piece)
    paragraphs.end()
    return file.getvalue()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_lines_break_between_words_however_the_text_arrives(size):
    text = "The quick brown fox jumps over the lazy dog.\n\nEnd"
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert written(*pieces) == "The quick brown fox\njumps over the lazy\ndog.\n\nEnd\n"


def test_code_is_left_alone():
    code = "```python\nprint('a line that is longer than the terminal')\n```\n"
    assert written(code + "and then words that wrap") == code + "and then words that\nwrap\n"


def test_a_word_longer_than_the_line_is_left_to_the_terminal():
    assert written("see https://example.com/a/very/long/address now") == (
        "see\nhttps://example.com/a/very/long/address\nnow\n"
    )


def test_wide_characters_count_twice():
    assert written("漢字漢字 漢字漢字 漢字") == "漢字漢字 漢字漢字\n漢字\n"


@given(st.lists(st.text(alphabet="ab \n`", max_size=8)), st.integers(5, 30))
def test_nothing_is_lost_but_blanks_at_a_break(pieces, width):
    text = "".join(pieces)
    assert re.sub(r"\s", "", written(*pieces, width=width)) == re.sub(r"\s", "", text)
