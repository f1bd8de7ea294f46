"""Tokenizer: numbers are encoded ones first, and emitted only when complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.pocket.tokenizer import END, TextWriter, load_tokenizer

TOKENIZER = load_tokenizer()


@pytest.mark.parametrize("wording", ["seen", "held out"])
def test_problems_are_encoded_and_decoded(wording):
    for problem in draw_problems(200, wording=wording, seed=8):
        for text in (problem.question, problem.solution):
            assert TOKENIZER.decode(TOKENIZER.encode(text)) == text
        assert TOKENIZER.unknown_words(problem.question) == []


@given(st.lists(st.sampled_from(["Quokka", "has", "12", "7", "dollars", ".", "Alice", "340"]), min_size=1))
def test_unknown_words_are_encoded_by_letter(words):
    # Of two numbers side by side, tokens cannot tell where one ends: no text of the models has them so.
    words = [w for i, w in enumerate(words) if not (i and w.isdigit() and words[i - 1].isdigit())]
    text = " ".join(words).replace(" .", ".")
    if not text.startswith("."):
        assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_numbers_are_read_ones_first_with_their_places():
    ids = TOKENIZER.encode("What is 347 plus 5?")
    assert [TOKENIZER.tokens[i] for i in ids] == ["What", "is", "7", "4", "3", "plus", "5", "?"]
    assert TOKENIZER.places(ids) == [0, 0, 1, 2, 3, 0, 1, 0]


def test_a_number_is_emitted_only_when_complete():
    writer = TextWriter(TOKENIZER, started=True)
    pieces = [writer.write(token) for token in TOKENIZER.encode("is 347 plus")]
    assert pieces == [" is", "", "", "", " 347 plus"]


def test_the_end_token_ends_a_text():
    ids = [*TOKENIZER.encode("is 34"), TOKENIZER.ids[END], *TOKENIZER.encode("plus")]
    assert TOKENIZER.decode(ids) == "is 34"


@given(st.text())
def test_any_text_is_encoded(text):
    assert all(0 <= i < len(TOKENIZER.tokens) for i in TOKENIZER.encode(text))
