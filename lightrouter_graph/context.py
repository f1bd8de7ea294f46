"""`Context`: the settings of a run, and how a run's own settings meet those bound to the graph."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lightrouter_graph.errors import ContextError
from lightrouter_graph.limits import Budget
from lightrouter_graph.wording import JUDGE, SYNTHESIS

PARENT_KEY = "lightrouter"
"""The one name under which a parent graph's context may carry settings for us."""


def _node(*names: str) -> dict[str, Any]:
    return {"langgraph_nodes": list(names)}


def _prompt(*names: str) -> dict[str, Any]:
    return {**_node(*names), "langgraph_type": "prompt"}


class Context(BaseModel):
    """Settings of one LightRouter run; each has a default, and the default is the adaptive setting.

    The default boots `width` candidates together, stops as soon as `agree` answers agree, and otherwise brings
    in one candidate after the other until `top_k` have answered. `Context.paper()` is the paper's own setting.

    Raises:
        ContextError: If a value is outside its range or a name is unknown; the message names both.

    Source: arXiv 2505.16221 (boot tokens, top-k, layers). Deviation: `width`, `agree` and `conditioning="own"`,
    which the paper does not have, are on by default because they save most of an ensemble's tokens for a small
    loss against its majority; the README has the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    boot_tokens: int = Field(
        default=200,
        ge=1,
        le=4000,
        description="Most tokens a candidate may write as its boot (the paper: 200, varied from 100 to 400).",
        json_schema_extra=_node("boot"),
    )
    width: int | None = Field(
        default=3,
        ge=1,
        description="How many candidates boot in the first wave, in prior order; empty = all of them.",
        json_schema_extra=_node("open"),
    )
    top_k: int = Field(
        default=5,
        ge=1,
        description="Most candidates that answer in full. With `agree` empty, exactly so many do.",
        json_schema_extra=_node("select", "tally"),
    )
    agree: int | None = Field(
        default=2,
        ge=2,
        description="Stop as soon as so many answers agree; empty = never stop early (the paper's fixed top-k). Where "
        "only a smaller `top_k` is given, it is lowered with it (with 1, to empty).",
        json_schema_extra=_node("tally"),
    )
    layers: int = Field(
        default=1,
        ge=1,
        le=8,
        description="Select-and-merge passes; all but the last merge boots into a draft (the paper: 2 to 3).",
        json_schema_extra=_node("aggregate"),
    )
    conditioning: Literal["own", "shared"] = Field(
        default="own",
        description="What a chosen candidate sees when it answers in full: only its own boot, which may then be "
        "continued, or the boots of all chosen ones (the paper's way, which needs a new call).",
        json_schema_extra=_node("generate"),
    )
    continuation: Literal["auto", "regenerate"] = Field(
        default="auto",
        description="auto: a boot is continued where the provider is known to continue a final assistant message; "
        "regenerate: the full answer is always written anew.",
        json_schema_extra=_node("generate"),
    )
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Most tokens of a full answer and of the merged answer; empty = the model's own limit.",
        json_schema_extra=_node("generate", "aggregate"),
    )
    selector: Literal["default", "consistency", "llm", "hybrid", "random"] = Field(
        default="default",
        description="Who ranks the boots; default = the selector the graph was built with.",
        json_schema_extra=_node("select"),
    )
    aggregator: Literal["default", "auto", "llm", "vote", "best"] = Field(
        default="default",
        description="Who merges the answers; default = the aggregator the graph was built with.",
        json_schema_extra=_node("aggregate"),
    )
    selector_prompt: str = Field(
        default=JUDGE,
        repr=False,
        min_length=1,
        description="What a judge of the boots is told to look for; how to read them and to reply is said besides.",
        json_schema_extra=_prompt("select"),
    )
    aggregator_prompt: str = Field(
        default=SYNTHESIS,
        repr=False,
        min_length=1,
        description="How an aggregator is to write the final answer. What it is given is said besides.",
        json_schema_extra=_prompt("aggregate"),
    )
    boot_timeout_s: float = Field(
        default=60.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which a boot is stopped, further attempts at it included; waiting for a free place "
        "at its provider does not count.",
        json_schema_extra=_node("boot"),
    )
    boot_quorum: int | None = Field(
        default=None,
        ge=1,
        description="Once so many boots have arrived, the others have `boot_grace_s` left; what they have written by "
        "then still counts. Empty = wait for all of them, each up to `boot_timeout_s`.",
        json_schema_extra=_node("boot"),
    )
    boot_grace_s: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that slower boots have once the quorum has arrived.",
        json_schema_extra=_node("boot"),
    )
    answer_quorum: int | None = Field(
        default=None,
        ge=1,
        description="Once so many full answers have arrived, the others have `answer_grace_s` left. Empty = wait for "
        "all of them, each up to `timeout_s`.",
        json_schema_extra=_node("generate"),
    )
    answer_grace_s: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that slower answers have once the quorum has arrived.",
        json_schema_extra=_node("generate"),
    )
    max_retries: int = Field(
        default=4,
        ge=0,
        description="Most further attempts at calls that were refused or lost (rate limits, overload, broken "
        "connections), of all candidates of the run together; 0 = none.",
        json_schema_extra=_node("boot", "select", "generate", "aggregate"),
    )
    timeout_s: float = Field(
        default=300.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which any other model call (full answer, selector, aggregator) counts as failed.",
        json_schema_extra=_node("select", "generate", "aggregate"),
    )
    deadline_s: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds for the whole run, after which nothing new is begun and the best answer at hand is "
        "returned; empty = none. A pause (an interrupt) counts.",
        json_schema_extra=_node("open"),
    )
    budget: Budget | None = Field(
        default=None,
        description="What this run may take at most (`usd`, `tokens`, `calls`, `seconds`); empty = no limit. Where the "
        "worst case would take more, less is done, and said; where nothing would fit, `BudgetError`.",
        json_schema_extra=_node("open", "select", "tally", "aggregate"),
    )
    thread_budget: Budget | None = Field(
        default=None,
        description="What all runs of a thread may take together; needs a checkpointer, or the answers in `messages`.",
        json_schema_extra=_node("open", "select", "tally", "aggregate"),
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        description="Fixes every random order (of the boots shown to a judge, of a random selector); empty = a "
        "new seed for each run, which is recorded.",
        json_schema_extra=_node("select"),
    )

    if not TYPE_CHECKING:  # type checkers know the fields

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**_with_reachable_agree(settings))
            except ValidationError as exc:
                raise ContextError(_one_line(exc)) from None

    @model_validator(mode="after")
    def _agree_within_top_k(self) -> Self:
        if self.agree is not None and self.agree > self.top_k:
            msg = f"agree = {self.agree} can never be reached with top_k = {self.top_k}: agree must be <= top_k"
            raise ValueError(msg)
        return self

    @classmethod
    def paper(cls, **overrides: Any) -> "Context":
        """Return the paper's setting: all boot, k = 2, two layers, shared conditioning, LLM selector and aggregator.

        Args:
            **overrides: Any field of `Context`, to vary one thing at a time (an ablation).
        """
        settings: dict[str, Any] = {
            "boot_tokens": 200,
            "width": None,
            "top_k": 2,
            "agree": None,
            "layers": 2,
            "conditioning": "shared",
            "selector": "llm",
            "aggregator": "llm",
        }
        return cls(**(settings | overrides))

    def record(self) -> dict[str, Any]:
        """Return the settings as they are kept and told: all of them, but the prompts only where they are not ours."""
        ours = {name for name in ("selector_prompt", "aggregator_prompt") if self._is_default(name)}
        return self.model_dump(exclude=ours)

    def _is_default(self, name: str) -> bool:
        return bool(getattr(self, name) == type(self).model_fields[name].default)

    def overlaid(self, context: object) -> "Context":
        """Lay what a run was given over these settings.

        Inside a parent graph `runtime.context` is the parent's object, whatever that is: nothing, a dict, or a
        class of its own. What is ours is taken, the rest is left alone.

        Args:
            context: None, a `Context` (only the fields that were set count), a dict of nothing but our fields, or
                any dict or object that carries one of these under the name `lightrouter`.

        Raises:
            ContextError: If a value is not allowed, or if what is under `lightrouter` is not settings.
        """
        given = _given(context)
        if not given:
            return self
        bound = self.model_dump()
        if "top_k" in given and "agree" not in given:
            given = _with_reachable_agree(given, bound["agree"])
        return type(self)(**(bound | given))


def _with_reachable_agree(settings: dict[str, Any], agree: int | None = None) -> dict[str, Any]:
    """Lower an agreement that was not asked for where a smaller `top_k` was: one answer agrees with nobody."""
    agree = agree or Context.model_fields["agree"].default
    top_k = settings.get("top_k")
    if "agree" in settings or not isinstance(top_k, int) or agree is None or not 0 < top_k < agree:
        return settings
    return {**settings, "agree": top_k if top_k > 1 else None}


def _given(context: object) -> dict[str, Any]:
    """Return the settings that `context` explicitly carries for us."""
    if context is None:
        return {}
    if isinstance(context, Context):
        return {name: getattr(context, name) for name in context.model_fields_set}
    if isinstance(context, Mapping):
        if PARENT_KEY in context:
            return _nested(context[PARENT_KEY])
        # A parent's own dict may share a word with us ("seed"): it is meant for us only if all of it is ours.
        return dict(context) if all(name in Context.model_fields for name in context) else {}
    return _nested(getattr(context, PARENT_KEY, None))


def _nested(value: object) -> dict[str, Any]:
    if value is None or isinstance(value, Context):
        return _given(value)
    if isinstance(value, Mapping):
        return dict(value)
    msg = f"context.{PARENT_KEY} must be a Context or a dict of its fields, got {type(value).__name__}"
    raise ContextError(msg)


def _one_line(exc: ValidationError) -> str:
    """Say in one line which setting is wrong, what it was, and what is allowed."""
    return "; ".join(_sentence(dict(error)) for error in exc.errors())


def _sentence(error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = get_close_matches(name, Context.model_fields, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"unknown setting {name!r}{hint}; known are {', '.join(Context.model_fields)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    what = error["msg"][0].lower() + error["msg"][1:]
    field = Context.model_fields.get(name)
    if field is not None and type(None) in get_args(field.annotation):
        what += ", or None"
    return f"{name} = {error['input']!r}: {what}"
