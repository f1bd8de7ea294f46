"""Prompts that are too long, in the words of many servers: one cause, and another candidate may have more room."""

from collections.abc import Iterator

from resilience.scenarios.checks import asked, fails, fails_for_another_cause, never_complete
from resilience.scenarios.replies import refuse, streamed
from resilience.scenarios.scenario import Scenario, beside, scenario

KIND = "overflow"

WORDS: dict[str, tuple[int, str]] = {
    "available-size": (
        400,
        "request (9120 tokens) exceeds the available context size (8192 tokens), try increasing it",
    ),
    "prompt-length": (400, "This model's maximum prompt length is 65536 but the request contains 90210 tokens."),
    "input-token-count": (
        400,
        "The input token count (1300001) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "inputs-and-new": (
        422,
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 and 200",
    ),
    "inputs-only": (422, "Input validation error: `inputs` must have less than 4095 tokens. Given: 7003"),
    "context-limit": (400, "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"),
    "too-long-for-model": (400, "Input is too long for requested model."),
    "maximum-context": (400, "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens."),
    "prompt-is-too-long": (400, "prompt is too long: 214000 tokens > 200000 maximum"),
    "model-context-window": (400, "Prompt exceeds the model's context window of 32768 tokens"),
    "total-tokens": (400, "Total number of tokens in the prompt (40000) exceeds the limit of 32768"),
    "decoder-prompt": (400, "The decoder prompt (length 4500) is longer than the maximum model length of 4096."),
    "reduce-the-length": (400, "Please reduce the length of the messages or completion."),
    "input-too-long": (422, "Input too long: 50112 tokens, the context window has 32768"),
    "context-overflow": (500, "context window overflow: the request does not fit"),
    "too-many-tokens": (400, "too many tokens: total tokens in the prompt cannot exceed 4081 - received 5012"),
    "entity-too-large": (413, "Request too large for model: Limit 8000, Requested 12001"),
    "num-ctx": (400, "the input exceeds the context length of the model (num_ctx)"),
}

CODES: dict[str, tuple[str, str]] = {
    "code": ("The request is invalid.", "context_length_exceeded"),
    "string-above-max": ("Invalid input.", "context_window_exceeded"),
    "exceed-size": ("Bad request.", "exceed_context_size_error"),
}

OTHERS: dict[str, tuple[int, str]] = {
    "cap-too-large": (400, "max_tokens is too large: 90000. This model supports at most 4096 completion tokens"),
    "token-invalid": (401, "Invalid token: the access token is too old"),
    "tokens-per-minute": (429, "Rate limit reached: tokens per minute limit 6000, used 5900"),
    "file-too-long": (400, "messages[0].name is too long: at most 64 characters"),
}


def _made() -> Iterator[Scenario]:
    for name, (status, words) in WORDS.items():
        yield scenario(KIND, name, refuse(words, status), fails("context_length"), modes=("plain",))
    for name, (words, code) in CODES.items():
        yield scenario(KIND, name, refuse(words, code=code), fails("context_length"), modes=("plain",))
    for name in ("available-size", "too-long-for-model", "inputs-and-new"):
        status, words = WORDS[name]
        yield beside(KIND, name, refuse(words, status), fails("context_length"), asked(a=1), modes=("streamed",))
    for name, (status, words) in OTHERS.items():
        model = refuse(words, status, headers={"x-should-retry": "false"})
        yield scenario(KIND, f"not-{name}", model, fails_for_another_cause("context_length"), modes=("plain",))
    for reason in ("model_context_window_exceeded", "context_length_exceeded", "context_window_exceeded"):
        ended = lambda _, reason=reason: streamed("The mill", reason, (4000, 96), (4000, 96))  # noqa: E731
        yield scenario(KIND, f"as-an-end-{reason}", ended, never_complete, modes=("streamed",))


SCENARIOS = list(_made())
