import base64
import json

import pytest
from helpers import scripted
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from lightrouter_graph.budget.token_bounds import (
    CALL_TOKENS,
    MEDIA_TOKENS,
    MESSAGE_TOKENS,
    TOOLS_TOKENS,
    PromptTokenBound,
    max_prompt_tokens,
)

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
POOL = scripted(a="4", b="5")


def test_a_text_has_no_more_tokens_than_bytes():
    assert max_prompt_tokens([HumanMessage("x" * 128)]) == 256 + 16 + 128
    assert max_prompt_tokens([HumanMessage("ü€")]) == 256 + 16 + 5
    assert (
        max_prompt_tokens([SystemMessage("ab"), HumanMessage([{"type": "text", "text": "cd"}])])
        == 256 + 2 * 16 + 2 + 18
    )
    assert max_prompt_tokens([HumanMessage("\ud800")]) == 256 + 16 + 3  # half a character


def test_tools_and_schemas_count():
    plain = max_prompt_tokens([HumanMessage("x")])
    assert max_prompt_tokens([HumanMessage("x")], [TOOL]) == plain + TOOLS_TOKENS + MESSAGE_TOKENS + len(
        json.dumps(TOOL, indent=4)
    )


def test_tool_calls_and_their_results_count():
    call = {"name": "add", "args": {"a": "ü"}, "id": "1", "type": "tool_call"}
    asked = max_prompt_tokens([AIMessage("", tool_calls=[call])])
    assert asked >= CALL_TOKENS + MESSAGE_TOKENS + len(json.dumps(call))
    assert (
        max_prompt_tokens([ToolMessage("42", tool_call_id="1")])
        == CALL_TOKENS + MESSAGE_TOKENS + 2 + 1 + MESSAGE_TOKENS
    )
    thought = {"type": "thinking", "thinking": "x" * 500, "signature": "y" * 100}
    assert max_prompt_tokens([AIMessage([thought])]) > CALL_TOKENS + 600


@pytest.mark.parametrize(
    ("block", "tokens"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}, MEDIA_TOKENS),
        ({"type": "image", "url": "https://x/y.png"}, MEDIA_TOKENS),
        ({"type": "file", "file_id": "abc"}, MEDIA_TOKENS),
    ],
)
def test_an_image_counts_with_a_fixed_number(block, tokens):
    assert max_prompt_tokens([HumanMessage([block])]) == CALL_TOKENS + MESSAGE_TOKENS + tokens


ENCODED = base64.b64encode(bytes(range(256)) * 400).decode()
PDF = f"data:application/pdf;base64,{ENCODED}"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file", "base64": ENCODED, "mime_type": "application/pdf"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        {"type": "input_file", "file_data": PDF},
        {"type": "input_audio", "input_audio": {"data": ENCODED, "format": "wav"}},
        {"type": "audio", "source_type": "base64", "data": ENCODED, "mime_type": "audio/mpeg"},
        {"type": "video", "base64": ENCODED, "mime_type": "video/mp4"},
        {"type": "media", "mime_type": "audio/wav", "data": bytes(range(256)) * 400},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": ENCODED}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ENCODED}},
        {"type": "tool_result", "content": [{"type": "image", "source": {"data": ENCODED}}]},
    ],
)
def test_sounds_and_files_count_like_images_whatever_their_size(block):
    tokens = max_prompt_tokens([HumanMessage([block])]) - CALL_TOKENS - MESSAGE_TOKENS
    assert MEDIA_TOKENS <= tokens < MEDIA_TOKENS + 1000


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file", "base64": ENCODED, "mime_type": "text/csv"},
        {"type": "file", "file": {"file_data": f"data:text/plain;base64,{ENCODED}"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "word " * 20_000}},
        {"type": "tool_result", "content": "x" * 100_000},
        {"type": "unknown", "payload": ENCODED},
    ],
)
def test_text_in_a_block_counts_with_its_bytes(block):
    assert max_prompt_tokens([HumanMessage([block])]) >= 100_000


def test_the_sound_of_an_earlier_answer_counts_like_an_image():
    spoken = AIMessage("", additional_kwargs={"audio": {"id": "a", "data": ENCODED}})
    assert max_prompt_tokens([spoken]) < MEDIA_TOKENS + 1000


@given(st.text(), st.text())
def test_a_longer_text_never_has_fewer_tokens(one, other):
    assert max_prompt_tokens([HumanMessage(one + other)]) >= max_prompt_tokens([HumanMessage(one)])


def test_observed_tokens_of_the_conversation_replace_its_bound():
    talk = [HumanMessage("x" * 4000)]
    ruler = PromptTokenBound(talk, (), {POOL["a"]: 900})
    more = [*talk, HumanMessage("y" * 100)]
    assert ruler.bound(POOL["a"], talk) == 900
    assert ruler.bound(POOL["a"], more) == 900 + 16 + 100
    assert ruler.bound(POOL["b"], more) == max_prompt_tokens(more)
    assert ruler.bound(POOL["a"], [HumanMessage("x" * 4000), more[1]]) == 900 + 16 + 100  # read back from a checkpoint


def test_observed_tokens_do_not_apply_to_other_prompts_or_tools():
    talk = [HumanMessage("x" * 4000)]
    ruler = PromptTokenBound(talk, [TOOL], {POOL["a"]: 900})
    other = [HumanMessage("z" * 50)]
    assert ruler.bound(POOL["a"], other) == max_prompt_tokens(other)
    assert ruler.bound(POOL["a"], talk, [TOOL]) == 900
    assert (
        ruler.bound(POOL["a"], talk, [{"title": "another"}])
        == 900 + max_prompt_tokens((), [{"title": "another"}]) - CALL_TOKENS
    )
    assert PromptTokenBound(talk, (), {POOL["a"]: 90_000}).bound(POOL["a"], talk) == max_prompt_tokens(talk)
