"""Reasoning text is separated from the answer, in every form that models write it."""

import pytest
from langchain_core.messages import AIMessage

from lightrouter_graph.reasoning import reasoning_of, split_reasoning, streamable_prefix, strip_reasoning


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("It is four.", "It is four."),
        ("", ""),
        ("<think>Two and two.</think>It is four.", "It is four."),
        ("<think>\nTwo and two.\n</think>\n\nIt is four.", "It is four."),
        ("  <Thinking>Two.</Thinking> It is four.", "It is four."),
        ("<think>Two and", ""),
        ("Two and two.</think>\n\nIt is four.", "It is four."),
        ("Two and two.</think>", ""),
        ("Set the stop string to `</think>`, as the docs say.", "Set the stop string to `</think>`, as the docs say."),
        ("<think></think>It is four.", "It is four."),
        ("Write <think> before you think, </thinking> after.", "Write <think> before you think, </thinking> after."),
        ("Models think: <b>four</b>.", "Models think: <b>four</b>."),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>"),
        ("<reasoning>maybe 5? no.</reasoning>The answer is 4.", "The answer is 4."),
        ("<THOUGHT>maybe 5?</THOUGHT>\nThe answer is 4.", "The answer is 4."),
        ("Sure.\n<think>is it 5?</think>\nThe answer is 4.", "Sure.\n\nThe answer is 4."),
        ("Let me see. <think>is it 5?</think> The answer is 4.", "Let me see.  The answer is 4."),
        ("<think>a</think>\n<think>b</think>\nIt is four.", "It is four."),
        ("<think>a <reasoning>b</reasoning> c</think>It is four.", "It is four."),
        ("Sure.\n<think>is it", "Sure.\n"),
        ("Two and two.</reasoning>The answer is 4.", "The answer is 4."),
        ("Put `<think>x</think>` before it.", "Put `<think>x</think>` before it."),
        ("```xml\n<think>x</think>\n```\nDone.", "```xml\n<think>x</think>\n```\nDone."),
        ("<think>```py\nx = 1\n```</think>It is one.", "It is one."),
    ],
)
def test_reasoning_is_stripped(text, rest):
    assert strip_reasoning(text) == rest
    assert strip_reasoning(rest) == rest


@pytest.mark.parametrize(
    ("message", "thoughts"),
    [
        (AIMessage("It is four."), ""),
        (AIMessage("<think>Two and two.</think>It is four."), "Two and two."),
        (AIMessage("<think>Two and"), "Two and"),
        (AIMessage("Four.", additional_kwargs={"reasoning_content": "Two and two."}), "Two and two."),
        (AIMessage([{"type": "thinking", "thinking": "Two."}, {"type": "text", "text": "Four."}]), "Two."),
        (AIMessage([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Two."}]}]), "Two."),
        (AIMessage([{"type": "reasoning", "reasoning": "Two."}]), "Two."),
        (AIMessage([{"type": "reasoning", "summary": [], "encrypted_content": "xyz"}]), ""),
    ],
)
def test_reasoning_is_found_in_all_fields_that_providers_use(message, thoughts):
    assert reasoning_of(message) == thoughts


def test_an_unclosed_block_is_reported():
    assert split_reasoning("Sure.\n<think>is it 5?").unclosed
    assert not split_reasoning("<think>is it 5?</think>4").unclosed


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("It is 4.", "It is 4."), ("So\n<think>x", "So\n"), ("So\n<thi", "So\n"), ("a < b", "a "), ("a <b> c", "a <b> c")],
)
def test_a_stream_shows_the_text_before_the_first_tag(text, prefix):
    assert streamable_prefix(text) == prefix
