"""The words of the providers for how a response ended."""

import pytest

from lightrouter_graph.llm.reply_end import end_kind, failed_cause, reason_in, worst_reason


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("stop", "complete"),
        ("STOP", "complete"),
        ("end_turn", "complete"),
        ("endTurn", "complete"),
        ("FINISH_REASON_STOP", "complete"),
        ("FinishReason.STOP", "complete"),
        ("tool-calls", "complete"),
        ("completed", "complete"),
        ("stopstop", "complete"),
        ("tool_callstool_callstool_calls", "complete"),
        ("length", "cap"),
        ("MAX_TOKENS", "cap"),
        ("modelContextWindowExceeded", "cap"),
        ("lengthstop", "cap"),
        ("stoplength", "cap"),
        ("guardrail_intervened", "filtered"),
        ("IMAGE_SAFETY", "filtered"),
        ("stopcontent_filter", "filtered"),
        ("cancelled", "failed"),
        ("insufficient_system_resource", "failed"),
        ("lengtherror", "failed"),
        ("incomplete", "interrupted"),
        ("nonstop", "interrupted"),
        ("stopped_early", "interrupted"),
        ("pause_turn", "interrupted"),
        ("MALFORMED_FUNCTION_CALL", "interrupted"),
        ("__", "interrupted"),
        ("完了", "interrupted"),
        ("stop" * 40 + "x", "interrupted"),
    ],
)
def test_a_word_has_one_kind_and_an_unknown_one_is_never_complete(word, kind):
    assert end_kind(word) == kind


def test_no_word_is_left_to_the_reader():
    assert end_kind(None) == end_kind("") == "complete"


def test_the_worst_reason_of_the_chunks_wins():
    assert worst_reason(["stop", "error", "stop"]) == "error"
    assert worst_reason(["stop", "length"]) == "length"
    assert worst_reason([]) is None


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"stop_reason": "end_turn"}, "end_turn"),
        ({"finish_reason": "", "done_reason": "stop"}, "stop"),
        ({"finishReason": "STOP"}, "STOP"),
        ({"object": "response", "status": "completed"}, "completed"),
        ({"object": "response", "status": "incomplete", "incomplete_details": {"reason": "length"}}, "length"),
        ({"object": "response", "status": "incomplete", "incomplete_details": None}, "incomplete"),
        ({"finish_reason": "null"}, None),
        ({"finish_reason": "FINISH_REASON_UNSPECIFIED", "stop_reason": "end_turn"}, "end_turn"),
        ({"finish_reason": ["stop"]}, "['stop']"),
        ({"status": "ok"}, None),
        ({}, None),
    ],
)
def test_the_reason_is_read_from_the_field_of_each_api(metadata, reason):
    assert reason_in(metadata) == reason


def test_a_failed_end_has_a_cause():
    assert failed_cause("network_error") == failed_cause("aborted") == "disconnected"
    assert failed_cause("insufficient_system_resource") == "unavailable"
