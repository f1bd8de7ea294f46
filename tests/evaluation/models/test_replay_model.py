"""A recorded text cut by tokens: the parts have the tokens of the whole text, for any cuts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.models.replay_model import TokenisedText
from lightrouter_graph.testing.tokens import split_tokens

TEXTS = st.text(max_size=80) | st.lists(st.sampled_from(["one", " two", "\n\n", " 3.14", "...", "  "])).map("".join)
TOKENS = st.integers(0, 400)
CAPS = st.none() | st.integers(1, 120)


@given(text=TEXTS, tokens=TOKENS, caps=st.lists(CAPS, max_size=6))
def test_parts_add_up_to_the_text_and_to_its_tokens(text: str, tokens: int, caps: list[int | None]) -> None:
    whole, said, spent = TokenisedText(text, tokens), "", 0
    for cap in [*caps, None]:
        part, cost = whole.cut(len(said), cap)
        said, spent = said + part, spent + cost
    assert said == text
    assert spent == (tokens if text else 0)


@given(text=TEXTS, tokens=TOKENS, start=st.integers(0, 80), cap=st.integers(1, 120))
def test_a_cap_is_kept_to_a_piece_and_never_returns_nothing(text: str, tokens: int, start: int, cap: int) -> None:
    pieces = split_tokens(text)
    place = len("".join(pieces[:start]))
    part, cost = TokenisedText(text, tokens).cut(place, cap)
    assert text[place:].startswith(part)
    assert cost >= 0
    assert cost <= cap or len(split_tokens(part)) == 1  # a piece of several tokens is not cut
    assert bool(part) == (place < len(text))


@given(text=TEXTS.filter(bool), tokens=TOKENS, cap=st.integers(1, 120))
def test_the_output_has_as_many_tokens_as_the_cap_allows(text: str, tokens: int, cap: int) -> None:
    whole = TokenisedText(text, tokens)
    part, cost = whole.cut(0, cap)
    if part != text:
        following = split_tokens(text)[len(split_tokens(part))]
        assert cost + whole.cut(len(part), 1)[1] > cap or whole.cut(len(part), None)[1] == 0, following
    assert whole.cut(0, tokens) == (text, tokens)


@pytest.mark.parametrize(
    ("tokens", "cap", "said", "cost"),
    [
        (10, 4, "a b c d", 4),
        (20, 4, "a b", 4),
        (20, 5, "a b", 4),  # two tokens each: five are not to be had
        (20, 1, "a", 2),  # one piece is always said
        (5, 1, "a b", 1),  # two to a token, and halves are rounded to even
        (0, 3, "a b c d e f g h i j", 0),
        (10, 10, "a b c d e f g h i j", 10),
        (10, 99, "a b c d e f g h i j", 10),
        (10, None, "a b c d e f g h i j", 10),
    ],
)
def test_cuts_by_hand(tokens: int, cap: int | None, said: str, cost: int) -> None:
    assert TokenisedText("a b c d e f g h i j", tokens).cut(0, cap) == (said, cost)


def test_a_start_within_a_piece_counts_that_piece() -> None:
    assert TokenisedText("alpha beta gamma", 3).cut(2, None) == ("pha beta gamma", 3)
    assert TokenisedText("alpha beta gamma", 3).cut(2, 1) == ("pha", 1)
