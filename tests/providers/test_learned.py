"""Capabilities learned from rejected requests."""

from lightrouter_graph.providers.learned import LearnedCapabilities


def test_the_name_in_the_error_message_is_tried_first():
    learned = LearnedCapabilities()
    assert learned.refuse_limit("max_tokens", "use num_predict instead")
    assert learned.limit == "num_predict"


def test_every_name_is_tried_once_and_then_none_is_sent():
    learned, tried = LearnedCapabilities(), ["max_tokens"]
    while learned.refuse_limit("max_tokens", "no"):
        tried.append(learned.limit)
    assert tried == ["max_tokens", "max_completion_tokens", "num_predict", ""]
    assert learned.ignores_cap
