"""What a model thinks aloud, told apart from what it says."""

import pytest
from langchain_core.messages import AIMessage

from lightrouter_graph.thoughts import said, thoughts_of


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
    ],
)
def test_a_thought_at_the_start_is_left_out(text, rest):
    assert said(text) == rest
    assert said(rest) == rest


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
def test_thoughts_are_found_wherever_providers_put_them(message, thoughts):
    assert thoughts_of(message) == thoughts
