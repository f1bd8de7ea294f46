"""Groups of settings: `Budget`, `Calls`, `Prompts`."""

from typing import ClassVar, Literal

from pydantic import Field

from lightrouter_graph.context.base import Settings, nodes, prompt_of
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

    usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="US dollars. Candidates without a known price are then left out.",
    )
    tokens: int | None = Field(default=None, gt=0, description="Input and output tokens of all calls.")
    calls: int | None = Field(default=None, gt=0, description="Model calls, retries included.")
    seconds: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which no further call is sent, like `deadline_s`.",
    )


class Calls(Settings):
    """How single model calls are made: time limits, retries, quorums, continuation."""

    label: ClassVar[str] = "calls."

    boot_timeout_s: float = Field(
        default=60.0,
        gt=0,
        allow_inf_nan=False,
        description="Time limit of a boot in seconds, retries included. Waiting for a free slot does not count.",
        json_schema_extra=nodes("boot"),
    )
    timeout_s: float = Field(
        default=300.0,
        gt=0,
        allow_inf_nan=False,
        description="Time limit of any other model call in seconds (full answer, selector, aggregator).",
        json_schema_extra=nodes("select", "generate", "aggregate"),
    )
    max_retries: int = Field(
        default=4,
        ge=0,
        description="Retries of all candidates of the run together, after rate limits, overload or lost connections.",
        json_schema_extra=nodes("boot", "select", "generate", "aggregate"),
    )
    continuation: Literal["auto", "regenerate"] = Field(
        default="auto",
        description="auto: continue a boot if the provider is known to continue a final assistant message; "
        "regenerate: always generate the full answer from scratch.",
        json_schema_extra=nodes("generate"),
    )
    boot_quorum: int | None = Field(
        default=None,
        ge=1,
        description="Number of completed boots after which the others have `boot_grace_s` left; text received by then "
        "still counts. Empty = wait for all, each up to `boot_timeout_s`.",
        json_schema_extra=nodes("boot"),
    )
    boot_grace_s: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds left for slower boots once the quorum has completed.",
        json_schema_extra=nodes("boot"),
    )
    answer_quorum: int | None = Field(
        default=None,
        ge=1,
        description="Number of completed full answers after which the others have `answer_grace_s` left. Empty = wait "
        "for all, each up to `timeout_s`.",
        json_schema_extra=nodes("generate"),
    )
    answer_grace_s: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds left for slower answers once the quorum has completed.",
        json_schema_extra=nodes("generate"),
    )


class Prompts(Settings):
    """Prompts of the models that the default selector and aggregator call."""

    label: ClassVar[str] = "prompts."

    selector: str = Field(
        default=JUDGE,
        repr=False,
        min_length=1,
        description="Criteria of the LLM judge that scores boots. The data and the reply format are added to it.",
        json_schema_extra=prompt_of("select"),
    )
    aggregator: str = Field(
        default=SYNTHESIS,
        repr=False,
        min_length=1,
        description="Task of the LLM aggregator that writes the final answer. The answers are added to it.",
        json_schema_extra=prompt_of("aggregate"),
    )
