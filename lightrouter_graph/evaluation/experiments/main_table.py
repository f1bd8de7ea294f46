"""Main table: every baseline and every LightRouter preset that the data and models support."""

from collections.abc import Sequence
from typing import get_args

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.experiments.base import Experiment
from lightrouter_graph.evaluation.methods.base import Method, Need
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS
from lightrouter_graph.evaluation.methods.registry import usual_baselines


@checked_choices(EvaluationError)
def everything(candidates: Sequence[str], offered: frozenset[Need], chosen: Sequence[str] = ()) -> Experiment:
    """Return the experiment that compares all methods, or the chosen ones.

    Args:
        candidates: Names of the candidates, highest prior first.
        offered: Requirements that the run fulfils.
        chosen: Names of methods; empty for all that the run supports.
    """
    known: list[Method] = [*usual_baselines(candidates, EVERYTHING), *LIGHTROUTERS.values()]
    usual = [method.name for method in known if method.needs <= offered]
    left_out = [method for method in known if not method.needs <= offered]
    return Experiment(
        name="run",
        title="All methods",
        methods=tuple(chosen or usual),
        against=("best-single", "majority"),
        notes=()
        if chosen
        else tuple(f"{m.label} is left out: it needs {_describe(m.needs - offered)}." for m in left_out),
    )


_NEEDS = {
    "history": "scored answers to other questions",
    "samples": "several samples of each model",
    "live": "live models",
    "judge": "a judge model",
    "writer": "a model that follows merge instructions",
}
EVERYTHING: frozenset[Need] = frozenset(get_args(Need))


def _describe(needs: frozenset[Need]) -> str:
    return " and ".join(_NEEDS[need] for need in sorted(needs))
