"""Ablations of the paper, one factor at a time: boot tokens, top-k, layers.

Source: arXiv 2505.16221 (boot tokens 100 to 400, k 1 to 4, layers 1 to 4). Deviation: boots from 16 tokens on,
because 200 tokens are most of a short answer.
"""

from collections.abc import Callable, Mapping, Sequence

from lightrouter_graph.evaluation.experiments.base import ByMethod, Experiment, Findings, quality_point, tokens_point
from lightrouter_graph.evaluation.questions import Question

BOOT_TOKENS = (16, 32, 64, 100, 150, 200, 300, 400)
TOP_K = (1, 2, 3, 4)
LAYERS = (1, 2, 3, 4)

_RANKED = "lightrouter-by-hybrid"
_CONSISTENT = "lightrouter-by-consistency"
_DEFAULT = "lightrouter"


def boot_tokens() -> Experiment:
    """Return the ablation of the length of the boots."""
    return _ablation("boot-tokens", "Boot tokens", "boot_tokens", BOOT_TOKENS, (_RANKED, _CONSISTENT, _DEFAULT))


def top_k() -> Experiment:
    """Return the ablation of the number of selected candidates."""
    bounds = ("lightrouter-by-random", "lightrouter-by-oracle")
    return _ablation("top-k", "Top-k", "top_k", TOP_K, (_RANKED, _CONSISTENT, *bounds))


def layers(*, judged: bool) -> Experiment:
    """Return the ablation of the layers; live only, because a replayed model cannot read a draft.

    Without a judge (`judged` False) consistency ranks the boots, instead of the LLM selector of the paper.
    """
    base = "lightrouter-paper" if judged else "lightrouter-paper-consistency"
    return _ablation("layers", "Layers", "layers", LAYERS, (base,), live_only=True)


def _ablation(
    name: str, title: str, setting: str, values: Sequence[int], bases: Sequence[str], *, live_only: bool = False
) -> Experiment:
    grid = {base: {value: f"{base}:{setting}={value}" for value in values} for base in bases}
    methods = tuple(method for row in grid.values() for method in row.values())
    return Experiment(
        name=f"ablate-{name}",
        title=f"{title}, {values[0]} to {values[-1]}",
        methods=("best-single", "majority", *methods),
        against=("best-single", "majority"),
        find=_curves(grid, setting.replace("_", " ")),
        live_only=live_only,
    )


def _curves(grid: Mapping[str, Mapping[int, str]], setting: str) -> Callable[[ByMethod, Sequence[Question]], Findings]:

    def find(results: ByMethod, questions: Sequence[Question]) -> Findings:  # noqa: ARG001
        curves = {}
        for base, row in grid.items():
            ran = [(value, results[method]) for value, method in row.items() if results.get(method)]
            curves[f"quality by {setting} / {base}"] = [quality_point(float(x), found, f"{x}") for x, found in ran]
            curves[f"output tokens by {setting} / {base}"] = [tokens_point(float(x), found, f"{x}") for x, found in ran]
        return Findings.measured(curves)

    return find
