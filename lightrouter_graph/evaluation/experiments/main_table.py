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
    usual = tuple(method.name for method in known if method.needs <= offered)
    missing = [] if chosen else [(m.label, m.needs - offered) for m in known if not m.needs <= offered]
    notes = tuple(f"{label} is left out: it needs {_describe(needs)}." for label, needs in missing)
    return Experiment("run", "All methods", tuple(chosen) or usual, against=("best-single", "majority"), notes=notes)


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
