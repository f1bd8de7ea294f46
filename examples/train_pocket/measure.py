"""Accuracy of the shipped models by kind, with intervals, as the model card has it."""

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from statistics import mean

from lightrouter_graph.evaluation.problems.drawing import KINDS, Problem, Wording, draw_problems
from lightrouter_graph.pocket.model import POCKET_NAMES, PocketName, load_model

SOLVERS: tuple[PocketName, ...] = tuple(name for name in POCKET_NAMES if name != "merger")
Marks = dict[PocketName, list[bool]]


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def mark(name: PocketName, problems: list[Problem]) -> list[bool]:
    """Which problems one model gets right, greedily."""
    model = load_model(name)
    return [model.write(p.question).endswith(f"The answer is {p.answer}.") for p in problems]


def mark_all(problems: list[Problem]) -> Marks:
    """Which problems each model gets right."""
    with ProcessPoolExecutor(2) as workers:
        return dict(zip(SOLVERS, workers.map(mark, SOLVERS, [problems] * len(SOLVERS)), strict=True))


def table(problems: list[Problem], marks: Marks) -> str:
    """Markdown: one row per model, one column per kind, shares in percent; the whole with its interval."""
    oracle = [any(some) for some in zip(*marks.values(), strict=True)]
    lines = [f"| model | all (95 %) | {' | '.join(KINDS)} |", f"|---|---|{'---|' * len(KINDS)}"]
    for name, right in [*marks.items(), ("oracle", oracle)]:
        low, high = wilson(sum(right), len(right))
        kinds = [mean(r for r, p in zip(right, problems, strict=True) if p.kind == kind) for kind in KINDS]
        cells = " | ".join(f"{100 * share:.0f}" for share in kinds)
        lines.append(f"| {name} | {100 * mean(right):.1f} ({100 * low:.1f} to {100 * high:.1f}) | {cells} |")
    return "\n".join(lines)


def main(count: int) -> None:
    """Print the tables of seen and of held-out wordings."""
    wordings: tuple[Wording, ...] = ("seen", "held out")
    for wording in wordings:
        problems = draw_problems(count, wording=wording, seed=2026)
        print(
            f"\n{len(problems)} problems never trained on, wordings {wording}\n\n{table(problems, mark_all(problems))}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
