"""Groups of settings: `Budget`, `Calls`, `Prompts`."""

from typing import ClassVar, Literal

from lightrouter_graph.context.base import POSITIVE, Settings, setting
from lightrouter_graph.prompts import JUDGE, SYNTHESIS


class Budget(Settings):
    """Limits that a run or a thread never exceeds; a limit that is None does not apply.

    Calls are checked against the worst case, so a run usually costs far less than its limit. The worst case counts one
    token per byte of the prompt until a model has reported its length, and all output tokens that the cap allows. Only
    a provider that ignores the cap, an image longer than estimated, or a run that is killed and resumed can exceed a
    limit, by one call at most.

    Raises:
        ContextError: If a limit is out of range or its name is unknown.

    Example:
        ```python
        Context(budget=Budget(usd=0.01), thread_budget=Budget(usd=1.0, calls=500))
        ```
    """

    label: ClassVar[str] = "Budget "
    noun: ClassVar[str] = "limit"

    usd: float | None = setting(None, "US dollars. Candidates without a known price are then left out.", **POSITIVE)
    tokens: int | None = setting(None, "Input and output tokens of all calls.", gt=0)
    calls: int | None = setting(None, "Model calls, retries included.", gt=0)
    seconds: float | None = setting(None, "Seconds after which no further call is sent, like `deadline_s`.", **POSITIVE)


class Calls(Settings):
    """How single model calls are made: time limits, retries, quorums, continuation."""

    label: ClassVar[str] = "calls."

    boot_timeout_s: float = setting(
        60.0,
        "Time limit of a boot in seconds, retries included. Waiting for a free slot does not count.",
        "boot",
        **POSITIVE,
    )
    timeout_s: float = setting(
        300.0,
        "Time limit of any other model call in seconds (full answer, selector, aggregator).",
        "select generate aggregate",
        **POSITIVE,
    )
    max_retries: int = setting(
        4,
        "Retries of all candidates of the run together, after rate limits, overload or lost connections.",
        "boot select generate aggregate",
        ge=0,
    )
    continuation: Literal["auto", "regenerate"] = setting(
        "auto",
        "auto: continue a boot if the provider is known to continue a final assistant message; "
        "regenerate: always generate the full answer from scratch.",
        "generate",
    )
    boot_quorum: int | None = setting(
        None,
        "Number of completed boots after which the others have `boot_grace_s` left; text received by then "
        "still counts. Empty = wait for all, each up to `boot_timeout_s`.",
        "boot",
        ge=1,
    )
    boot_grace_s: float = setting(
        1.0, "Seconds left for slower boots once the quorum has completed.", "boot", ge=0, allow_inf_nan=False
    )
    answer_quorum: int | None = setting(
        None,
        "Number of completed full answers after which the others have `answer_grace_s` left. Empty = wait "
        "for all, each up to `timeout_s`.",
        "generate",
        ge=1,
    )
    answer_grace_s: float = setting(
        5.0, "Seconds left for slower answers once the quorum has completed.", "generate", ge=0, allow_inf_nan=False
    )


class Prompts(Settings):
    """Prompts of the models that the default selector and aggregator call."""

    label: ClassVar[str] = "prompts."

    selector: str = setting(
        JUDGE,
        "Criteria of the LLM judge that scores boots. The data and the reply format are added to it.",
        "select",
        prompt=True,
        repr=False,
        min_length=1,
    )
    aggregator: str = setting(
        SYNTHESIS,
        "Task of the LLM aggregator that writes the final answer. The answers are added to it.",
        "aggregate",
        prompt=True,
        repr=False,
        min_length=1,
    )
