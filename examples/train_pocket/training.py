"""One training run: resumable, with the accuracy on unseen problems as it goes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from examples.train_pocket.data import Batch, ProblemSource, encode_pair, pad_batch
from examples.train_pocket.merging import Answered, MergeSource
from examples.train_pocket.network import Weights, forward, initial_weights, rotary_tables
from examples.train_pocket.optimizer import Optimizer
from examples.train_pocket.recipe import Run
from lightrouter_graph.evaluation.problems.drawing import KINDS, Kind, draw_problems
from lightrouter_graph.pocket.shape import CONTEXT_TOKENS, Shape
from lightrouter_graph.pocket.tokenizer import Tokenizer

BATCH_TOKENS, PARTS = 1536, 2
SNAPSHOT_EVERY = 0.5
_WARM_UP = 0.05
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Progress:
    """What a run has done so far; with the weights and the optimizer, all that a resumed run needs."""

    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0


class Training:
    """A run with its files: `state.pt` to resume, one snapshot of the weights each half million tokens."""

    def __init__(self, run: Run, folder: Path, tokenizer: Tokenizer, shape: Shape) -> None:
        self.run, self.folder, self.tokenizer, self.shape = run, folder / run.name, tokenizer, shape
        self.folder.mkdir(parents=True, exist_ok=True)
        self.progress = Progress()
        self.weights = {n: w.to(DEVICE).requires_grad_() for n, w in self._start(folder).items()}
        self.optimizer = Optimizer(self.weights)
        self._tables = tuple(table.to(DEVICE) for table in rotary_tables(CONTEXT_TOKENS))
        self._resume()

    @property
    def finished(self) -> bool:
        """Whether the run has seen all its tokens."""
        return self.progress.tokens >= self.run.tokens * 1e6

    def train(self, report: Callable[[int, str], None], answered: list[Answered] | None = None) -> Weights:
        """Train to the end.

        Args:
            report: Hears the tokens seen, and a line now and then.
            answered: What the merger learns from; the others learn from problems alone.
        """
        batches = self._source(answered).batches(BATCH_TOKENS)
        losses: list[float] = []
        while not self.finished:
            began = time.process_time()
            losses.append(self._step([next(batches) for _ in range(PARTS)]))
            self.progress.seconds += time.process_time() - began
            if self._at_snapshot():
                report(self.progress.tokens, self._keep(sum(losses) / len(losses)))
                losses.clear()
            elif self.progress.steps % 10 == 0:
                report(self.progress.tokens, "")
        return {name: weight.detach().cpu() for name, weight in self.weights.items()}

    def _source(self, answered: list[Answered] | None) -> ProblemSource | MergeSource:
        # A resumed run goes on with other problems, not with those it has seen.
        seed = self.run.seed + 1000 * self.progress.steps
        if answered is None:
            return ProblemSource(self.tokenizer, self.run.mixture, seed)
        return MergeSource(self.tokenizer, answered, seed)

    def _step(self, parts: list[Batch]) -> float:
        wanted = sum(int((part.wanted >= 0).sum()) for part in parts)
        total = 0.0
        for part in parts:
            logits, targets = self.predict(part)
            loss = F.cross_entropy(logits, targets, reduction="sum") / wanted
            loss.backward()
            total += loss.item()
        self.optimizer.step(self._rate())
        self.progress.tokens += sum(part.tokens for part in parts)
        self.progress.steps += 1
        return total

    def predict(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits and targets where something is to be learnt."""
        cos, sin = (table[: batch.ids.shape[1]] for table in self._tables)
        hidden = forward(self.weights, self.shape, batch.ids.to(DEVICE), batch.places.to(DEVICE), (cos, sin))
        wanted = batch.wanted.to(DEVICE)
        keep = wanted >= 0
        return hidden[keep] @ self.weights["head"], wanted[keep]

    def accuracy(self, wording: str = "seen", each: int = 40) -> dict[Kind, float]:
        """Share of unseen problems whose whole solution is the greedy choice, by kind.

        Reading the right solution and choosing its next token everywhere is what greedy writing does until its first
        mistake, so one pass tells.
        """
        return {kind: self._exact(kind, wording, each) for kind in KINDS}

    def _exact(self, kind: Kind, wording: str, each: int) -> float:
        problems = draw_problems(each, kinds=(kind,), wording=wording, seed=12345)  # type: ignore[arg-type]
        batch = pad_batch(self.tokenizer, [encode_pair(self.tokenizer, p.question, p.solution) for p in problems])
        with torch.no_grad():
            logits, targets = self.predict(batch)
        right = (logits.argmax(-1) == targets).cpu()
        row = (batch.wanted >= 0).nonzero()[:, 0]
        return 1 - len(set(row[~right].tolist())) / each

    def _rate(self) -> float:
        done = self.progress.tokens / (self.run.tokens * 1e6)
        warm = min(1.0, (self.progress.tokens / 1e6 + 0.002) / _WARM_UP)
        falling = min(1.0, (1 - done) / self.run.decay) if self.run.decay else 1.0
        return self.run.rate * warm * max(falling, 0.0)

    def _at_snapshot(self) -> bool:
        marks = self.progress.tokens / 1e6 / SNAPSHOT_EVERY
        name = f"{int(marks) * SNAPSHOT_EVERY:.1f}.pt"
        return self.finished or (int(marks) > 0 and not (self.folder / name).exists())

    def _keep(self, loss: float) -> str:
        mark = int(self.progress.tokens / 1e6 / SNAPSHOT_EVERY) * SNAPSHOT_EVERY
        torch.save({n: w.detach().cpu() for n, w in self.weights.items()}, self.folder / f"{mark:.1f}.pt")
        state = {
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
            "weights": {n: w.detach() for n, w in self.weights.items()},
        }
        torch.save(state, self.folder / "state.new")
        (self.folder / "state.new").replace(self.folder / "state.pt")
        accuracy = self.accuracy()
        note: dict[str, Any] = {"loss": round(loss, 4), **vars(self.progress), "accuracy": accuracy}
        note["all"] = mean(accuracy.values())
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(note) + "\n")
        shares = " ".join(f"{kind} {share:.2f}" for kind, share in accuracy.items())
        return f"{self.run.name} {self.progress.tokens / 1e6:.1f}M loss {loss:.3f} all {note['all']:.2f} | {shares}"

    def _start(self, folder: Path) -> Weights:
        if self.run.start is None:
            return initial_weights(self.shape, self.run.seed)
        name, tokens = self.run.start
        loaded: Weights = torch.load(folder / name / f"{tokens:.1f}.pt")
        return loaded

    def _resume(self) -> None:
        if not (self.folder / "state.pt").exists():
            return
        state = torch.load(self.folder / "state.pt")
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        with torch.no_grad():
            for name, weight in state["weights"].items():
                self.weights[name].copy_(weight)
