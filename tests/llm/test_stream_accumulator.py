"""The chunks of one streamed response."""

import pytest
from langchain_core.messages import AIMessageChunk

from lightrouter_graph.llm.stream_accumulator import StreamAccumulator


def accumulated(*texts, prefix=None):
    accumulator = StreamAccumulator()
    for text in texts:
        accumulator.add(AIMessageChunk(text), prefix=prefix)
    return accumulator


def test_chunks_are_counted_and_joined():
    accumulator = accumulated("It", " is", "", " four")
    assert (accumulator.message().text, accumulator.tokens, len(accumulator.chunks)) == ("It is four", 3, 4)
    assert accumulator.message().text == "It is four"


def test_a_repeated_prefix_is_not_counted():
    accumulator = accumulated("It is", " four", prefix="It is")
    assert (accumulator.message().text, accumulator.tokens) == ("It is four", 1)


def test_a_model_that_keeps_to_its_cap_never_exceeds_it():
    assert not accumulated("a", "b", "c").exceeds(3)
    assert not accumulated(*"abcdef").exceeds(None)


def test_a_chunk_above_the_cap_is_dropped():
    accumulator = accumulated("a", "b", "c", "d")
    assert accumulator.exceeds(3)
    accumulator.truncate()
    assert (accumulator.message().text, accumulator.tokens, accumulator.truncated) == ("abc", 3, True)


def test_long_chunks_exceed_the_cap():
    assert accumulated("word " * 6).exceeds(3)
    assert not accumulated("word " * 4).exceeds(3)


def test_an_empty_stream_is_an_error():
    with pytest.raises(ValueError, match="contained no chunk"):
        StreamAccumulator().message()
