"""Methods by name: baselines, LightRouter presets with settings, and runs with injected errors."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from lightrouter_graph.errors import EvaluationError, checked_choices, did_you_mean
from lightrouter_graph.evaluation.methods.base import Baseline, Method, Need
from lightrouter_graph.evaluation.methods.cascade import cascade
from lightrouter_graph.evaluation.methods.error_injection import error_injection_named
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS, lightrouter_named
from lightrouter_graph.evaluation.methods.moa import mixture_of_agents, self_moa
from lightrouter_graph.evaluation.methods.oracle import ORACLE, oracle_k
from lightrouter_graph.evaluation.methods.router import two_model_router
from lightrouter_graph.evaluation.methods.single import BEST_SINGLE, FIRST, single
from lightrouter_graph.evaluation.methods.voting import MAJORITY, WEIGHTED_VOTE, random_k, top_k_by_history

BASELINES: Mapping[str, Callable[[str], Baseline]] = MappingProxyType(
    {
        "single:NAME": single,
        "first": lambda _: FIRST,
        "best-single": lambda _: BEST_SINGLE,
        "random-N": lambda n: random_k(int(n)),
        "top-N": lambda n: top_k_by_history(int(n)),
        "majority": lambda _: MAJORITY,
        "weighted-vote": lambda _: WEIGHTED_VOTE,
        "moa-N": lambda n: mixture_of_agents(int(n)),
        "self-moa": lambda _: self_moa(),
        "self-moa-N": lambda n: self_moa(int(n)),
        "cascade": lambda _: cascade(),
        "cascade-N": lambda n: cascade(int(n)),
        "router-N": lambda n: two_model_router(int(n)),
        "oracle-N": lambda n: oracle_k(int(n)),
        "oracle": lambda _: ORACLE,
    }
)
"""Form of the name -> function from its argument to the baseline; N is a whole number, NAME a candidate of the pool."""

_USUAL = (
    "best-single", "random-3", "oracle-3", "oracle", "top-3", "majority", "weighted-vote",
    "moa-1", "moa-2", "self-moa", "cascade", "router-50",
)  # fmt: skip
_NUMBERED = re.compile(r"(?P<kind>.+-)(?P<number>\d{1,9})")


def named(name: str, changes: str = "") -> Method:
    """Return the method of a name.

    Args:
        name: A name such as `majority`, `top-3`, `single:NAME` or `lightrouter:boot_tokens=64`.
        changes: Settings for every LightRouter method that does not set them itself, as `boot_tokens=16,top_k=3`. The
            method keeps its name, so that runs with and without them can be compared.

    Raises:
        EvaluationError: If the name is unknown; the message lists the known names and the closest one.
    """
    return lightrouter_named(name, changes) or error_injection_named(name, changes) or baseline_named(name)


def baseline_named(name: str) -> Baseline:
    """Return the baseline of a name.

    Args:
        name: A form of `BASELINES` with its argument, such as "majority", "top-3" or "single:gpt-5.4-mini".

    Raises:
        EvaluationError: If the name is unknown, or its number is not allowed.
    """
    form, argument = _form_of(name)
    if form not in BASELINES or (form.endswith(":NAME") and not argument):
        known = [*LIGHTROUTERS, *BASELINES]
        hint = did_you_mean(name, known) or did_you_mean(form, known)
        msg = f"unknown method {name!r}{hint}; known methods: {', '.join(known)}"
        raise EvaluationError(msg)
    if form.endswith("-N") and form != "router-N" and int(argument) < 1:
        msg = f"method {name!r}: its number must be >= 1, got {argument}"
        raise EvaluationError(msg)
    return BASELINES[form](argument)


@checked_choices(EvaluationError)
def usual_baselines(pool_names: Sequence[str], offered: frozenset[Need]) -> list[Baseline]:
    """Return the baselines of the main table, in its order.

    Args:
        pool_names: Names of the candidates, highest prior first.
        offered: Requirements that the run fulfils; methods that need more are left out.
    """
    table = [*map(single, pool_names), *map(baseline_named, _USUAL)]
    return [one for one in table if one.needs <= offered and not _is_redundant(one.name, len(pool_names))]


def _is_redundant(name: str, size: int) -> bool:
    """Return True if a method equals another one for a pool of that size."""
    kind, _, number = name.rpartition("-")
    if kind in {"random", "oracle", "top"}:
        return int(number) >= size
    return size == 1 and not name.startswith(("single:", "moa-", "self-moa"))


def _form_of(name: str) -> tuple[str, str]:
    if name.startswith("single:"):
        return "single:NAME", name.removeprefix("single:")
    found = _NUMBERED.fullmatch(name)
    return (name, "") if found is None else (f"{found['kind']}N", found["number"])
