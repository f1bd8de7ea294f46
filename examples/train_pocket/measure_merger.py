"""Whether the merger's answer is better than the answers it was given."""

import random
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from examples.train_pocket.measure import SOLVERS, wilson
from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.problems.drawing import Problem, draw_problems
from lightrouter_graph.pocket.model import load_model

PRIOR_ORDER = ("general", "shares", "products", "sums", "quick")
"""By accuracy over all kinds."""
GIVEN = 3


@dataclass(frozen=True, slots=True)
class Marks:
    """Which ways got one problem right, and whether any answer given was right."""

    random_pick: bool
    first: bool
    vote: bool
    merger: bool
    any_given: bool
    disagree: bool


def mark(task: tuple[Problem, bool, int]) -> Marks:
    """Merge three of the answers to one problem, taken in prior order or at random."""
    problem, in_prior_order, seed = task
    rng = random.Random(seed)
    names = PRIOR_ORDER[:GIVEN] if in_prior_order else tuple(rng.sample(SOLVERS, GIVEN))
    answers = [load_model(name).write(problem.question) for name in names]
    keys = [default_key(text, problem.question) for text in answers]
    merger = load_model("merger")
    tokens = merger.generate(merger.prompt(problem.question, answers))
    merged = default_key("".join(token.text for token in tokens), problem.question)
    right = str(problem.answer)
    return Marks(
        random_pick=rng.choice(keys) == right,
        first=keys[0] == right,
        vote=Counter(key for key in keys if key).most_common(1)[0][0] == right if any(keys) else False,
        merger=merged == right,
        any_given=right in keys,
        disagree=len(set(keys)) > 1,
    )


def main(count: int) -> None:
    """Print the shares of each way, with intervals, and of those problems on which the answers differ."""
    print("| answers | wordings | problems | random | first | vote | merger | any of them right |")
    print("|---|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(2) as workers:
        for wording in ("seen", "held out"):
            problems = draw_problems(count, wording=wording, seed=4711)
            for in_prior_order in (True, False):
                tasks = [(problem, in_prior_order, i) for i, problem in enumerate(problems)]
                marks = list(workers.map(mark, tasks, chunksize=20))
                order = "the best three, best first" if in_prior_order else "any three, in any order"
                _print_row(order, wording, marks)
                _print_row(f"{order}; where they differ", wording, [one for one in marks if one.disagree])


def _print_row(order: str, wording: str, marks: list[Marks]) -> None:
    cells = []
    for way in ("random_pick", "first", "vote", "merger", "any_given"):
        right = sum(getattr(one, way) for one in marks)
        low, high = wilson(right, len(marks))
        cells.append(f"{100 * right / len(marks):.1f} ({100 * low:.1f} to {100 * high:.1f})")
    print(f"| {order} | {wording} | {len(marks)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
