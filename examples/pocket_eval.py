"""Measure LightRouter on real models, without a key: the pocket models, on problems they were never trained on.

    python examples/pocket_eval.py --problems 1000 --wordings both

The first table has every model of `Pool.pocket()` by itself, the majority of all in full, and policies of LightRouter
through the compiled graph; the others repeat the paper's three ablations, one factor at a time. Intervals of accuracy
are Wilson's; differences to `general`, the best single model, are paired, with a bootstrap over questions. Tokens are
those on the runs' own bills, in the models' own tokens. There are no prices: all six models are of one size, and
parameters times tokens read and written stand in.

The models write greedily, the same after the same, so each text is made once and remembered, but billed each time, and
given out a token a turn, as if equally fast models wrote side by side.
"""

import argparse
import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from itertools import chain
from math import sqrt
from multiprocessing import get_context
from typing import Any, Literal, cast

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from lightrouter_graph import (
    Aggregator,
    AutoAggregator,
    Candidate,
    Context,
    LLMAggregator,
    Pool,
    VoteAggregator,
    create_lightrouter,
    default_key,
)
from lightrouter_graph.pocket.chat import ChatPocket
from lightrouter_graph.pocket.conversation import read_request
from lightrouter_graph.pocket.model import PocketName, load_model
from lightrouter_graph.problems.drawing import Problem, Wording, draw_problems

WORDINGS: Mapping[str, tuple[Wording, ...]] = {
    "seen": ("seen",),
    "held-out": ("held out",),
    "both": ("seen", "held out"),
}
BASELINE = "general"
PARAMETERS = 427_000
"""Of each of the six models; see the model card."""
CHUNK = 20
AT_ONCE = 4
CONSOLE = Console(width=None if Console().is_terminal else 150)


@dataclass(frozen=True)
class Policy:
    """A setting of LightRouter and who merges: the merger always, only where a vote does not settle it, or never.

    Equal settings are run once, whatever they are called.
    """

    name: str = field(compare=False)
    context: Context
    aggregator: Literal["merger", "vote", "auto"] = "merger"


def all_boot(**changes: Any) -> Context:
    """The point the ablations start from: all boot, 16 tokens, the best two go on."""
    return Context(**({"boot_tokens": 16, "width": None, "top_k": 2, "agree": None} | changes))


POLICIES = (
    Policy("default; merger where no vote settles", Context(), "auto"),
    Policy("default, boot 16 tokens; likewise", Context(boot_tokens=16), "auto"),
    Policy("all boot 16 tokens, best 2, vote", all_boot(), "vote"),
    Policy("all boot 16 tokens, best 2, merger", all_boot()),
    Policy("as the paper, by consistency, merger", Context.paper(boot_tokens=16, selector="consistency")),
)
ABLATIONS: Mapping[str, tuple[Policy, ...]] = {
    "boot tokens": tuple(Policy(f"boot tokens {n}", all_boot(boot_tokens=n)) for n in (4, 8, 16, 24, 32)),
    "top k": tuple(Policy(f"k = {k}", all_boot(top_k=k)) for k in (1, 2, 3, 4)),
    "layers": tuple(Policy(f"layers {n}", all_boot(layers=n)) for n in (1, 2, 3, 4)),
}
CAVEATS = """\
* No model of this pool can judge: where the paper has an LLM rank the boots, consistency ranks them here.
* Pocket models read neither other models' boots nor drafts: more layers and shared boots can only cost here. That the
  accuracy does not move with the layers says nothing of the paper's claim about them.
* A vote between two different answers goes with the prior: with k = 2 it adds nothing to the ranking.
* The merger is a sixth model, trained longer than the five; given no answers it is right in 31 % (model card).
* The merger reads three answers at most (with k = 4: the best-ranked three); with k = 1 there is nothing to merge.
* The specialists were trained to differ, and the pool's order puts its best model first: `general` leads the prior.
* One set of trained models and problems of one make: the intervals tell of chance in the problems and of nothing else.
"""


@dataclass(frozen=True)
class Outcome:
    """One question under one policy."""

    right: bool
    output_tokens: int = 0
    input_tokens: int = 0
    calls: int = 0


@dataclass(frozen=True)
class Row:
    """One line of a table: an outcome for each question, in their order."""

    name: str
    outcomes: list[Outcome] = field(repr=False)

    @property
    def right(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """1 or 0 for each question."""
        return np.array([float(outcome.right) for outcome in self.outcomes])

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.mean("right")

    def mean(self, what: str) -> float:
        """The mean of a count per question."""
        return float(sum(getattr(outcome, what) for outcome in self.outcomes) / len(self.outcomes))


class RememberingPocket(ChatPocket):
    """A pocket model that makes each text once; it gives them out a token a turn of the event loop."""

    _told: dict[tuple[object, int | None], AIMessage] = PrivateAttr(default_factory=dict)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        asked = read_request(messages, load_model(self.model).tokenizer)
        if asked is not None and self.model != "merger":
            asked = replace(asked, answers=())  # only the merger reads them
        key = (asked or str(messages), kwargs.get("max_tokens"))
        if key not in self._told:
            self._told[key] = self._generate(messages, stop, **kwargs).generations[0].message  # type: ignore[assignment]
        said = self._told[key]
        for _ in range(said.usage_metadata["output_tokens"] if said.usage_metadata else 0):
            await asyncio.sleep(0)
        return ChatResult(generations=[ChatGeneration(message=said.model_copy(deep=True))])


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Row]]:
    """Measure, print the tables, and return their rows by wording."""
    options = parsed(arguments)
    found: dict[str, dict[str, Row]] = {}
    for wording in WORDINGS[options.wordings]:
        problems = draw_problems(options.problems, wording=wording, seed=options.seed)
        found[wording] = measure(problems, plan(options), options.workers, f"wordings {wording}")
        show(found[wording], wording, options)
    CONSOLE.print(CAVEATS, highlight=False)
    return found


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--problems", type=int, default=1000, help="how many for each wording (default 1000)")
    parser.add_argument("--ablation-problems", type=int, default=500, help="the first so many of them (default 500)")
    parser.add_argument("--wordings", choices=WORDINGS, default="both", help="those of training, new ones, or both")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds draw equal problems")
    parser.add_argument("--only", choices=("table", "ablations"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; 1: this one")
    return parser.parse_args(arguments)


def plan(options: argparse.Namespace) -> dict[Policy, int]:
    """Say which policies are to be run, and on how many problems."""
    planned = dict.fromkeys(POLICIES if options.only != "ablations" else (), options.problems)
    if options.only != "table":
        for policy in chain(*ABLATIONS.values()):
            planned.setdefault(policy, min(options.problems, options.ablation_problems))
    return planned


def measure(problems: Sequence[Problem], planned: Mapping[Policy, int], workers: int, what: str) -> dict[str, Row]:
    """Run everything over the problems, chunk by chunk, so that a chunk's texts serve all policies."""
    starts = range(0, len(problems), CHUNK)
    jobs = [(problems[i : i + CHUNK], [policy for policy, number in planned.items() if i < number]) for i in starts]
    done: dict[int, dict[str, list[Outcome]]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), transient=True) as progress:
        bar = progress.add_task(what, total=len(problems))
        for i, outcomes in run_chunks(jobs, workers):
            done[i] = outcomes
            progress.advance(bar, len(jobs[i][0]))
    rows = {name: Row(name, [o for i in range(len(jobs)) for o in done[i].get(name, [])]) for name in done[0]}
    names = {policy: policy.name for policy in planned}
    return rows | {policy.name: rows[names[policy]] for policy in chain(*ABLATIONS.values()) if policy in names}


def run_chunks(
    jobs: Sequence[tuple[Sequence[Problem], Sequence[Policy]]], workers: int
) -> Iterator[tuple[int, dict[str, list[Outcome]]]]:
    """Yield each chunk's number and outcomes as they are done."""
    if workers == 1:
        yield from ((i, run_chunk(*job)) for i, job in enumerate(jobs))
        return
    # Matrices this small are an order of magnitude slower on several threads; read when a worker first loads numpy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
        running = {processes.submit(run_chunk, *job): i for i, job in enumerate(jobs)}
        for future in as_completed(running):
            yield running[future], future.result()


def run_chunk(problems: Sequence[Problem], policies: Sequence[Policy]) -> dict[str, list[Outcome]]:
    """Answer some problems by every model alone and by every policy."""
    pool = Pool(
        [Candidate(name, RememberingPocket(model_name=cast("PocketName", name))) for name in Pool.pocket().names]
    )
    merger = RememberingPocket(model_name="merger")
    outcomes = asyncio.run(answer_alone(pool, problems))
    for policy in policies:
        outcomes[policy.name] = asyncio.run(answer_routed(pool, merger, policy, problems))
    return outcomes


async def answer_alone(pool: Pool, problems: Sequence[Problem]) -> dict[str, list[Outcome]]:
    """Let every model answer in full by itself; and what their majority and an oracle make of it."""
    told = {c.name: [await c.model.ainvoke(problem.question) for problem in problems] for c in pool}
    singles = {
        name: [outcome_of(message, problem, 1) for message, problem in zip(messages, problems, strict=True)]
        for name, messages in told.items()
    }
    together = list(zip(*singles.values(), strict=True))
    texts = [[str(message.text) for message in row] for row in zip(*told.values(), strict=True)]
    votes = [is_right(majority(row, p.question), p) for row, p in zip(texts, problems, strict=True)]
    return {
        **singles,
        f"majority of all {len(pool)} in full": [
            Outcome(vote, sum(o.output_tokens for o in row), sum(o.input_tokens for o in row), len(row))
            for vote, row in zip(votes, together, strict=True)
        ],
        "oracle: any of them right": [Outcome(any(outcome.right for outcome in row)) for row in together],
    }


async def answer_routed(pool: Pool, merger: ChatPocket, policy: Policy, problems: Sequence[Problem]) -> list[Outcome]:
    """Route every problem through the compiled graph, a few at once."""
    llm = LLMAggregator(merger)
    ways: Mapping[str, Aggregator] = {"merger": llm, "vote": VoteAggregator(), "auto": AutoAggregator(synthesis=llm)}
    graph = create_lightrouter(pool, aggregator=ways[policy.aggregator], context=policy.context).compile()
    turn = asyncio.Semaphore(AT_ONCE)

    async def answer(problem: Problem) -> Outcome:
        async with turn:
            result = await graph.ainvoke({"messages": [HumanMessage(problem.question)]}, context=Context(seed=0))
        message = result["messages"][-1]
        return outcome_of(message, problem, message.response_metadata["lightrouter"]["bill"]["calls"])

    return list(await asyncio.gather(*map(answer, problems)))


def outcome_of(message: AIMessage, problem: Problem, calls: int) -> Outcome:
    """Score a message and read its bill."""
    usage = message.usage_metadata
    right = is_right(str(message.text), problem)
    return Outcome(right, usage["output_tokens"], usage["input_tokens"], calls) if usage else Outcome(right)


def is_right(text: str, problem: Problem) -> bool:
    """Whether a text ends in the problem's answer."""
    return default_key(text, problem.question) == str(problem.answer)


def majority(texts: Sequence[str], question: str) -> str:
    """Return the first text that gives the commonest answer; ties fall to the earlier model."""
    keys = [default_key(text, question) for text in texts]
    votes = Counter(key for key in keys if key is not None)
    return texts[keys.index(votes.most_common(1)[0][0])] if votes else texts[0]


def wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def gain(row: Row, other: Row, draws: int = 2000) -> tuple[float, float, float]:
    """Return the paired difference in accuracy in points, and its bootstrap 95 % interval."""
    gains = 100 * (row.right - other.right)
    picks = np.random.default_rng(0).integers(len(gains), size=(draws, len(gains)))
    low, high = np.percentile(gains[picks].mean(axis=1), [2.5, 97.5])
    return float(gains.mean()), float(low), float(high)


def show(rows: Mapping[str, Row], wording: str, options: argparse.Namespace) -> None:
    """Print the tables of one wording, and what they show."""
    if options.only != "ablations":
        policies = [policy.name for policy in POLICIES]
        names = [name for name in rows if name not in {policy.name for policy in chain(*ABLATIONS.values())}]
        CONSOLE.print(table(f"{options.problems} problems never trained on, wordings {wording}", rows, names))
        CONSOLE.print(verdict(rows, policies) + "\n", highlight=False)
    if options.only != "table":
        number = min(options.problems, options.ablation_problems)
        cut = {name: Row(name, row.outcomes[:number]) for name, row in rows.items()}
        for factor, varied in ABLATIONS.items():
            title = (
                f"{factor} (else all boot, 16 tokens, k = 2, one layer, merger); {number} problems, wordings {wording}"
            )
            CONSOLE.print(table(title, cut, [BASELINE, *(policy.name for policy in varied)]))


def table(title: str, rows: Mapping[str, Row], names: Sequence[str]) -> Table:
    """Draw some of the rows."""
    drawn = Table(title=title, title_justify="left")
    drawn.add_column("", no_wrap=True)
    for column in ("right, %", "95 %", f"to {BASELINE}, 95 %", "tokens out", "of all", "M par. x tok.", "calls"):
        drawn.add_column(column, justify="right", no_wrap=True)
    in_full = next(row for name, row in rows.items() if name.startswith("majority")).mean("output_tokens")
    for name in names:
        row = rows[name]
        low, high = wilson(row.accuracy, len(row.outcomes))
        more, least, most = gain(row, rows[BASELINE])
        out, read, calls = row.mean("output_tokens"), row.mean("input_tokens"), row.mean("calls")
        spent = [f"{out:.0f}", f"{out / in_full:.0%}", f"{PARAMETERS * (out + read) / 1e6:.0f}", f"{calls:.1f}"]
        drawn.add_row(
            name,
            f"{100 * row.accuracy:.1f}",
            f"{100 * low:.1f} to {100 * high:.1f}",
            "" if name == BASELINE else f"{more:+.1f} [{least:+.1f}, {most:+.1f}]",
            *(spent if calls else [""] * 4),
        )
    return drawn


def verdict(rows: Mapping[str, Row], names: Sequence[str]) -> str:
    """Say in words which policies chance in the problems does not explain."""
    gains = {name: gain(rows[name], rows[BASELINE]) for name in names}
    kinds = {
        f"better than {BASELINE} alone": [name for name, (_, low, _) in gains.items() if low > 0],
        f"not told apart from {BASELINE} alone": [n for n, (_, low, high) in gains.items() if low <= 0 <= high],
        f"worse than {BASELINE} alone": [name for name, (_, _, high) in gains.items() if high < 0],
    }
    said = [f"{kind}: {' | '.join(found)}" for kind, found in kinds.items() if found]
    least = min(rows[name].mean("output_tokens") for name in names) / rows[BASELINE].mean("output_tokens")
    return "\n".join([*said, f"each policy writes at least {least:.1f} times the tokens of {BASELINE} alone"])


if __name__ == "__main__":
    main()
