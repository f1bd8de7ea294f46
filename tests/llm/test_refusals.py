"""What the error of a request says about its form."""

import pytest

from lightrouter_graph.llm.refusals import refusal_of


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
    refusal = refusal_of(exc, "bad_response")
    assert (refusal is not None and refusal.names_limit) is refused
