"""The main table: every baseline and LightRouter in every setting that the data allow."""

from collections.abc import Sequence

from lightrouter_graph.evaluation.experiments.base import Experiment
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.methods.catalogue import usual_baselines
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS


def everything(candidates: Sequence[str], offered: frozenset[Need], chosen: Sequence[str] = ()) -> Experiment:
    """Compare all methods, or those chosen.

    Args:
        candidates: The names of the pool, most trusted first.
        offered: What the data and models offer.
        chosen: Names of methods; empty for all that can be run.
    """
    baselines = usual_baselines(
        candidates, has_history="history" in offered, has_samples="samples" in offered, live=False
    )
    usual = [method.name for method in [*baselines, *LIGHTROUTERS.values()] if method.needs <= offered]
    left_out = [method for method in LIGHTROUTERS.values() if not method.needs <= offered]
    return Experiment(
        name="run",
        title="All methods",
        methods=tuple(chosen or usual),
        against=("best-single", "majority"),
        notes=() if chosen else tuple(f"{m.label} is left out: it needs {_told(m.needs - offered)}." for m in left_out),
    )


_NEEDS = {
    "history": "scored answers to other questions",
    "samples": "several samples of each model",
    "live": "live models",
    "judge": "a model that can judge, which a recording has not",
}


def _told(needs: frozenset[Need]) -> str:
    return " and ".join(_NEEDS[need] for need in sorted(needs))
