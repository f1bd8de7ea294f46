"""Capabilities learned from rejected requests."""

import pytest

from lightrouter_graph.providers.learned import LearnedCapabilities, refuses_limit


class Refusal(Exception):
    def __init__(self, text, status_code=400):
        self.status_code = status_code
        super().__init__(text)


UNSUPPORTED = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)


@pytest.mark.parametrize(
    ("exc", "refused"),
    [
        (Refusal(UNSUPPORTED), True),
        (Refusal("max_completion_tokens: Extra inputs are not permitted", 422), True),
        (Refusal("Unrecognized request argument supplied: max_completion_tokens"), True),
        (TypeError("Client.chat() got an unexpected keyword argument 'max_tokens'"), True),
        (Refusal("max_tokens is too large: 200000. This model supports at most 4096"), False),
        (Refusal("Unsupported parameter: 'temperature'"), False),
        (Refusal(UNSUPPORTED, 500), False),
        (ValueError(UNSUPPORTED), False),
    ],
)
def test_a_rejected_name_is_distinguished_from_a_rejected_value(exc, refused):
    assert refuses_limit(exc) is refused


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
