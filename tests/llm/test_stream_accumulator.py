"""What was heard of a reply while it streams."""

import pytest
from langchain_core.messages import AIMessageChunk

from lightrouter_graph.llm.stream_accumulator import StreamAccumulator


def heard(*texts, given=None):
    so_far = StreamAccumulator()
    for text in texts:
        so_far.add(AIMessageChunk(text), given=given)
    return so_far


def test_pieces_are_counted_and_put_together():
    so_far = heard("It", " is", "", " four")
    assert (so_far.text, so_far.tokens, so_far.has_chunks) == ("It is four", 3, True)
    assert so_far.message().text == "It is four"


def test_what_was_there_before_is_not_counted_again():
    so_far = heard("It is", " four", given="It is")
    assert (so_far.text, so_far.tokens) == ("It is four", 1)


def test_a_model_that_keeps_to_its_cap_never_exceeds_it():
    assert not heard("a", "b", "c").exceeds(3)
    assert not heard(*"abcdef").exceeds(None)


def test_a_piece_too_many_exceeds_it_and_is_forgotten():
    so_far = heard("a", "b", "c", "d")
    assert so_far.exceeds(3)
    so_far.cut_off()
    assert (so_far.text, so_far.tokens, so_far.truncated) == ("abc", 3, True)


def test_long_pieces_exceed_it_as_well():
    assert heard("word " * 6).exceeds(3)
    assert not heard("word " * 4).exceeds(3)


def test_a_stream_of_nothing_is_no_reply():
    with pytest.raises(ValueError, match="held no reply"):
        StreamAccumulator().message()
