"""The baselines by name, as they are asked for on the command line and stand in tables."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Method, Need
from lightrouter_graph.evaluation.methods.cascade import Cascade
from lightrouter_graph.evaluation.methods.moa import MixtureOfAgents
from lightrouter_graph.evaluation.methods.oracle import Oracle, OracleK
from lightrouter_graph.evaluation.methods.router import TwoModelRouter
from lightrouter_graph.evaluation.methods.self_moa import SelfMoA
from lightrouter_graph.evaluation.methods.single import BestSingle, First, Single
from lightrouter_graph.evaluation.methods.votes import Majority, RandomK, TopKByPrior, WeightedVote

BASELINES: Mapping[str, Callable[[str], Method]] = MappingProxyType(
    {
        "single:NAME": Single,
        "first": lambda _: First(),
        "best-single": lambda _: BestSingle(),
        "random-N": lambda n: RandomK(int(n)),
        "top-N": lambda n: TopKByPrior(int(n)),
        "majority": lambda _: Majority(),
        "weighted-vote": lambda _: WeightedVote(),
        "moa-N": lambda n: MixtureOfAgents(int(n)),
        "self-moa": lambda _: SelfMoA(),
        "self-moa-N": lambda n: SelfMoA(int(n)),
        "cascade": lambda _: Cascade(),
        "cascade-N": lambda n: Cascade(int(n)),
        "router-N": lambda n: TwoModelRouter(int(n)),
        "oracle-N": lambda n: OracleK(int(n)),
        "oracle": lambda _: Oracle(),
    }
)
"""What makes each baseline out of what follows its name; N is a whole number, NAME a candidate of the pool."""

_NUMBERED = re.compile(r"(?P<kind>.+-)(?P<number>\d{1,9})")

_K = 3


def method_named(name: str, others: Mapping[str, Method] = MappingProxyType({})) -> Method:
    """Return the method of a name, such as "majority", "top-3" or "single:gpt-5.4-mini".

    Args:
        name: The name.
        others: Methods beside the baselines by name: LightRouter's own are handed in here.

    Raises:
        EvaluationError: If there is none; the message lists what is known, and what may have been meant.
    """
    if name in others:
        return others[name]
    shape, argument = _parted(name)
    if shape not in BASELINES or (shape.endswith(":NAME") and not argument):
        raise EvaluationError(_unknown(name, shape, [*others, *BASELINES]))
    return BASELINES[shape](argument)


def usual_baselines(pool_names: Sequence[str], offered: frozenset[Need]) -> list[Method]:
    """Return the baselines of the usual table, in its order.

    Args:
        pool_names: The candidates, most trusted first.
        offered: What methods can count on; those that need more are left out.
    """
    singles: list[Method] = [*map(Single, pool_names), BestSingle()]
    bounds: list[Method] = [RandomK(_K), OracleK(_K), Oracle(), TopKByPrior(_K)]
    mixing: list[Method] = [Majority(), WeightedVote(), MixtureOfAgents(1), MixtureOfAgents(2), SelfMoA()]
    routing: list[Method] = [Cascade(), TwoModelRouter()]
    table = [*singles, *bounds, *mixing, *routing]
    return [method for method in table if method.needs <= offered and not _is_idle(method, len(pool_names))]


def _is_idle(method: Method, size: int) -> bool:
    """Whether a method would only repeat another in a pool of that size."""
    if isinstance(method, RandomK | OracleK | TopKByPrior):
        return method.k >= size
    return size == 1 and not isinstance(method, Single | MixtureOfAgents | SelfMoA)


def _parted(name: str) -> tuple[str, str]:
    """Cut a name into its form in `BASELINES` and the argument."""
    if name.startswith("single:"):
        return "single:NAME", name.removeprefix("single:")
    found = _NUMBERED.fullmatch(name)
    return (name, "") if found is None else (f"{found['kind']}N", found["number"])


def _unknown(name: str, shape: str, known: Sequence[str]) -> str:
    near = get_close_matches(shape, known, n=1) or get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ";"
    return f"there is no method {name!r}{meant} There are: {', '.join(known)}"
