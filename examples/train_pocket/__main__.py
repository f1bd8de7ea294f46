"""Train all pocket models and write them where they ship: one command, safe to stop and to start again."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from rich.progress import Progress

from examples.train_pocket.data import make_tokenizer
from examples.train_pocket.export import export
from examples.train_pocket.merging import Answered, answer_problems
from examples.train_pocket.network import Weights
from examples.train_pocket.recipe import MERGE_PROBLEMS, RUNS
from examples.train_pocket.training import Training
from lightrouter_graph.evaluation.problems.drawing import Problem
from lightrouter_graph.pocket.model import POCKET_NAMES
from lightrouter_graph.pocket.shape import Shape
from lightrouter_graph.pocket.tokenizer import Tokenizer


def main() -> None:
    """Train the runs named, or all of them in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", default=[run.name for run in RUNS])
    parser.add_argument("--folder", type=Path, default=Path("train_pocket_runs"))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    tokenizer = make_tokenizer()
    trained: dict[str, Weights] = {}
    for run in (run for run in RUNS if run.name in given.runs):
        training = Training(run, given.folder, tokenizer, Shape(len(tokenizer.tokens)))
        answered = _answers(given.folder, tokenizer) if run.name == "merger" and not training.finished else None
        trained[run.name] = _train(training, answered)
        if run.name in POCKET_NAMES:
            export(run.name, trained[run.name], tokenizer)


def _train(training: Training, answered: list[Answered] | None) -> Weights:
    with Progress() as bars:
        bar = bars.add_task(training.run.name, total=training.run.tokens * 1e6)

        def report(tokens: int, line: str) -> None:
            bars.update(bar, completed=tokens)
            if line:
                bars.console.print(line, soft_wrap=True)

        return training.train(report, answered)


def _answers(folder: Path, tokenizer: Tokenizer) -> list[Answered]:
    """What the five trained models say to problems of the training split; kept, since it takes minutes."""
    kept = folder / "answered.json"
    if kept.exists():
        stored = json.loads(kept.read_text("utf-8"))
        return [Answered(Problem(**problem), tuple(answers)) for problem, answers in stored]
    models: dict[str, Weights] = {
        run.name: Training(run, folder, tokenizer, Shape(len(tokenizer.tokens))).weights
        for run in RUNS
        if run.name in POCKET_NAMES and run.name != "merger"
    }
    answered = answer_problems(models, Shape(len(tokenizer.tokens)), tokenizer, MERGE_PROBLEMS, seed=5)
    kept.write_text(json.dumps([(asdict(one.problem), one.answers) for one in answered]), "utf-8")
    return answered


if __name__ == "__main__":
    main()
