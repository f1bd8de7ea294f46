"""`Context`: the settings of a run, and how the settings of one run are laid over those of the graph."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from pydantic import BaseModel, Field, create_model, model_validator

from lightrouter_graph.context.base import POSITIVE, Settings, setting
from lightrouter_graph.context.groups import Budget, Calls, Prompts
from lightrouter_graph.context.renamed import RENAMED, migrated, set_fields_of
from lightrouter_graph.errors import ContextError, did_you_mean, warn_deprecated

PARENT_KEY = "lightrouter"
"""Name under which the context of a parent graph may carry settings for this graph."""

MAX_LAYERS = 8
"""Upper bound of `Context.layers`."""


class Context(Settings):
    """Settings of one LightRouter run; each has a default, and the defaults are the adaptive setting.

    The default queries `width` candidates for a boot, stops as soon as `agree` answers agree, and otherwise queries one
    candidate after the other until `top_k` have answered. `Context.paper()` is the setting of the paper.

    Raises:
        ContextError: If a value is outside its range or a name is unknown; the message names both.

    Source: arXiv 2505.16221 (boot tokens, top-k, layers). Deviation: `width`, `agree` and `conditioning="own"` are not
    in the paper. They are on by default because they save most of the tokens of an ensemble for a small loss of
    accuracy; docs/evidence.md has the figures.
    """

    boot_tokens: int = setting(
        200, "Most output tokens of a boot (the paper: 200, varied from 100 to 400).", "boot", ge=1, le=4000
    )
    width: int | None = setting(3, "Number of candidates that boot, in prior order; empty = all of them.", "open", ge=1)
    top_k: int = setting(
        5, "Most candidates that answer in full. With `agree` empty, exactly this number does.", "select tally", ge=1
    )
    agree: int | None = setting(
        2,
        "Number of equal answers that stops the run; empty = never stop early (the fixed top-k of the "
        "paper). A smaller `top_k` given alone lowers it (with 1, to empty).",
        "tally",
        ge=2,
    )
    layers: int = setting(
        1,
        "Number of select-and-merge passes; each but the last merges boots into a draft (the paper: 2-3).",
        "aggregate",
        ge=1,
        le=MAX_LAYERS,
    )
    conditioning: Literal["own", "shared"] = setting(
        "own",
        "Input of a full answer beside the conversation: the candidate's own boot, which may then be "
        "continued, or the boots of all selected candidates (the paper; needs a new call).",
        "generate",
    )
    max_tokens: int | None = setting(
        None,
        "Most output tokens of a full answer and of the merged answer; empty = the limit of the model.",
        "generate aggregate",
        ge=1,
    )
    selector: str = setting(
        "default",
        "Selector that ranks the boots, by name; default = the one that the graph was built with.",
        "select",
        min_length=1,
    )
    aggregator: str = setting(
        "default",
        "Aggregator that merges the answers, by name; default = the one that the graph was built with.",
        "aggregate",
        min_length=1,
    )
    deadline_s: float | None = setting(
        None,
        "Seconds for the whole run; then no further call is sent and the best answer so far is returned. "
        "Empty = none. The time of an interrupt counts.",
        "open",
        **POSITIVE,
    )
    budget: Budget | None = setting(
        None,
        "Limits of this run (`usd`, `tokens`, `calls`, `seconds`); empty = none. If the worst case exceeds "
        "them, the run does less and records it; if no answer fits, it raises `BudgetError`.",
        "open select tally aggregate",
    )
    thread_budget: Budget | None = setting(
        None,
        "Limits of all runs of a thread; needs a checkpointer, or earlier answers in `messages`.",
        "open select tally aggregate",
    )
    seed: int | None = setting(
        None,
        "Seed of every random order (boots shown to a judge, a random selector); empty = a new seed for "
        "each run, which is recorded.",
        "select",
        ge=0,
    )
    calls: Calls = setting(
        Calls(), "Single model calls: time limits, retries, quorums, continuation.", "boot select generate aggregate"
    )
    prompts: Prompts = setting(
        Prompts(), "Prompts of the LLM judge and the LLM aggregator.", "select aggregate", repr=False
    )

    if not TYPE_CHECKING:

        def __init__(self, **settings: Any) -> None:
            super().__init__(**_with_reachable_agree(migrated(settings)))

        def __getattr__(self, name: str) -> Any:
            if name not in RENAMED:
                return super().__getattr__(name)
            group, new = RENAMED[name]
            warn_deprecated(f"Context.{name}", f"Context.{group}.{new}")
            return getattr(getattr(self, group), new)

    @model_validator(mode="after")
    def _agree_within_top_k(self) -> Self:
        if self.agree is not None and self.agree > self.top_k:
            msg = f"agree = {self.agree} can never be reached with top_k = {self.top_k}: agree must be <= top_k"
            raise ValueError(msg)
        return self

    @classmethod
    def paper(cls, **overrides: Any) -> "Context":
        """Return the setting of the paper: all boot, k = 2, two layers, shared conditioning, LLM selector and merger.

        Args:
            **overrides: Any field of `Context`, to vary one thing at a time (an ablation).
        """
        numbers: dict[str, Any] = {"boot_tokens": 200, "width": None, "top_k": 2, "agree": None, "layers": 2}
        parts = {"conditioning": "shared", "selector": "llm", "aggregator": "llm"}
        return cls(**(numbers | parts | overrides))

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Context":
        """Read settings back from `record`, without validation: they were valid when they were recorded.

        Args:
            record: A record of settings, as `record` returns it.
        """
        parsed: dict[str, Any] = {
            name: _GROUPS[name].model_construct(None, **value) if name in _GROUPS and value is not None else value
            for name, value in record.items()
        }
        return cls.model_construct(None, **parsed)

    def record(self) -> dict[str, Any]:
        """Return the settings as JSON values for the state and the decision record; default prompts are left out."""
        settings = self.model_dump()
        changed = {name: text for name, text in settings["prompts"].items() if text != _default_of(Prompts, name)}
        return {**settings, "prompts": changed}

    def overlaid(self, context: object) -> "Context":
        """Lay the settings of one run over these.

        Inside a parent graph `runtime.context` is the parent's own object, of any type. Settings for this graph are
        read from it, the rest is ignored.

        Args:
            context: None, a `Context` (only fields that were set count), a dict with fields of `Context` only, or any
                dict or object that carries one of these under the name `lightrouter`.

        Returns:
            The merged settings; groups (`calls`, `prompts`) are merged field by field.

        Raises:
            ContextError: If a value is not allowed, or the value under `lightrouter` is not a `Context` or a dict.
        """
        given = _given(context)
        if not given:
            return self
        bound = {name: getattr(self, name) for name in type(self).model_fields}
        if "top_k" in given and "agree" not in given:
            given = _with_reachable_agree(given, self.agree)
        for group in ("calls", "prompts"):
            if group in given:
                given = {**given, group: _fields_of(bound[group]) | set_fields_of(given[group])}
        laid = type(self)(**(bound | given))
        laid.__pydantic_fields_set__.intersection_update(self.model_fields_set | given.keys())
        return laid

    def with_settings(self, settings: Mapping[str, Any], others: Sequence[str] = ()) -> "Context":
        """Lay single settings, given by name, over these.

        Args:
            settings: Values by field name.
            others: Other allowed names at the place where they were given, for the hint on a wrong name.

        Raises:
            ContextError: If a name is unknown or a value is not allowed.
        """
        known = [*Context.model_fields, *RENAMED]
        for name in settings:
            if name not in known:
                hint = did_you_mean(name, [*known, *others])
                raise ContextError(f"unknown setting {name!r}{hint}; settings are {', '.join(Context.model_fields)}")
        return self.overlaid({PARENT_KEY: dict(settings)}) if settings else self

    def check_names(self, selectors: Sequence[str], aggregators: Sequence[str]) -> None:
        """Check that the graph has the selector and the aggregator that the settings name.

        Args:
            selectors: Names of the selectors of the graph.
            aggregators: Names of its aggregators.

        Raises:
            ContextError: If a name is unknown; the message lists the known ones.
        """
        for part, known in (("selector", selectors), ("aggregator", aggregators)):
            if (name := getattr(self, part)) not in known:
                names = ", ".join(map(repr, known))
                msg = f"{part} = {name!r}{did_you_mean(name, known)}: this graph has {names}"
                raise ContextError(f"{msg}; pass others as create_lightrouter(..., {part}={{name: object}})")


_GROUPS: Mapping[str, type[Settings]] = {"calls": Calls, "prompts": Prompts, "budget": Budget, "thread_budget": Budget}


def _fields_of(group: BaseModel) -> dict[str, Any]:
    return {name: getattr(group, name) for name in type(group).model_fields}


def _default_of(settings: type[BaseModel], name: str) -> Any:
    return settings.model_fields[name].default


def _with_reachable_agree(settings: dict[str, Any], agree: int | None = None) -> dict[str, Any]:
    """Lower `agree` if only a smaller `top_k` was given: one answer cannot agree with another."""
    agree = agree or _default_of(Context, "agree")
    top_k = settings.get("top_k")
    if "agree" in settings or not isinstance(top_k, int) or agree is None or not 0 < top_k < agree:
        return settings
    return {**settings, "agree": top_k if top_k > 1 else None}


def _given(context: object) -> dict[str, Any]:
    """Return the settings that a context explicitly carries for this graph."""
    if context is None:
        return {}
    if isinstance(context, Context):
        return {name: getattr(context, name) for name in context.model_fields_set}
    if isinstance(context, Mapping):
        if PARENT_KEY in context:
            return _nested(context[PARENT_KEY])
        # A parent's own dict may share a name ("seed"): it is meant for this graph only if all names are known.
        known = Context.model_fields.keys() | RENAMED.keys()
        return migrated(context) if all(name in known for name in context) else {}
    return _nested(getattr(context, PARENT_KEY, None))


def _nested(value: object) -> dict[str, Any]:
    if value is None or isinstance(value, Context):
        return _given(value)
    if isinstance(value, Mapping):
        return migrated(value)
    msg = f"context.{PARENT_KEY} must be a Context or a dict of its fields, got {type(value).__name__}"
    raise ContextError(msg)


def context_schema(selectors: Sequence[str], aggregators: Sequence[str]) -> type[Context]:
    """Return a `Context` whose selector and aggregator are choices, for the settings panel of Studio.

    Args:
        selectors: Names of the selectors of one graph, "default" included.
        aggregators: Names of its aggregators.
    """
    fields: dict[str, Any] = {}
    for part, names in (("selector", selectors), ("aggregator", aggregators)):
        field = Context.model_fields[part]
        extra = {**cast("dict[str, Any]", field.json_schema_extra), "enum": list(names)}
        fields[part] = (str, Field(default="default", description=field.description, json_schema_extra=extra))
    return create_model("Context", __base__=Context, __doc__=Context.__doc__, **fields)
