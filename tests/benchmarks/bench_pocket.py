"""Tokens per second of each pocket model on one core, prompt included; several times, since machines are shared.

OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python tests/benchmarks/bench_pocket.py
"""

import os
import statistics
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.pocket.model import POCKET_NAMES, PocketModel, load_model

PROBLEMS = draw_problems(30, seed=4)
ROUNDS, WANTED = 5, 400


def speed(model: PocketModel) -> tuple[float, float]:
    """Tokens written per second of the clock and of the processor."""
    began, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for problem in PROBLEMS for _ in model.generate(model.prompt(problem.question)))
    return count / (time.perf_counter() - began), count / (time.process_time() - cpu)


def main() -> int:
    slow = 0
    print("| model | tokens/s (median) | tokens per processor second |\n|---|---|---|")
    for name in POCKET_NAMES:
        rounds = [speed(load_model(name)) for _ in range(ROUNDS)]
        clock, cpu = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(f"| {name} | {clock:.0f} | {cpu:.0f} |")
        slow += cpu < WANTED
    return slow


if __name__ == "__main__":
    sys.exit(main())
