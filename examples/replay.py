"""Measure LightRouter on recorded outputs of real models, over real HTTP.

A `RecordedModelServer` plays the models of a JSONL file (see its docstring for the schema); `ChatOpenAI` talks to it;
the compiled graph routes. Tokens are what the server billed; USD are the runs' own bills at the prices found.

    python examples/replay.py ../shared/replay/math_l5.jsonl.gz --questions 100

The pool stands in the order of list prices, dearest first, when a `models.json` with prices lies beside the data, else
in the order given. A recorded model cannot merge or judge, so every policy here votes; a policy's answer is always some
model's recorded text, and counts what that text was scored. The last column is the difference to the majority of all,
on the same questions, with a 95 % interval from a paired bootstrap over questions: it tells of chance in the questions,
not of how pools or rules were chosen.
"""

import argparse
import asyncio
import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter, default_key
from lightrouter_graph.testing import RecordedModelServer

MATH_MID_8 = (
    "Qwen2.5-72B-Instruct,Qwen2.5-32B-Instruct,Qwen2.5-7B-Instruct,gpt-4o-mini-2024-07-18,"
    "deepseek-v2.5-0908,Meta-Llama-3.1-70B-Instruct,gemini-1.5-flash,gemma-2-27b-it"
)

POLICIES: Mapping[str, Context] = {
    "adaptive (the default)": Context(aggregator="vote"),
    "adaptive, at most 4 answer": Context(aggregator="vote", top_k=4),
    "adaptive, 3 must agree": Context(aggregator="vote", agree=3),
    "no boots, one at a time": Context(aggregator="vote", width=1),
    "adaptive, no continuation": Context(aggregator="vote", continuation="regenerate"),
    "all boot, best 2, vote": Context(width=None, top_k=2, agree=None, aggregator="vote"),
    "all boot, best 3, vote": Context(width=None, top_k=3, agree=None, aggregator="vote"),
    "all boot, best 3 by consistency": Context(
        width=None, top_k=3, agree=None, aggregator="vote", selector="consistency"
    ),
}


@dataclass(frozen=True)
class Row:
    """One line of the table. Tokens are means per question; `usd` per 1,000 questions, None without prices."""

    name: str
    right: list[float]
    output_tokens: float
    input_tokens: float
    calls: float
    usd: float | None = None

    @property
    def accuracy(self) -> float:
        """Mean score, 0 to 1."""
        return sum(self.right) / len(self.right)


def main(arguments: Sequence[str] | None = None) -> list[Row]:
    """Run every policy over the questions and print the table."""
    options = parsed(arguments)
    records = sample(options.data, options.models, options.questions, options.seed)
    prices = read_prices(options.data)
    names = sorted(options.models, key=lambda name: -sum(prices.get(name, (0.0, 0.0))))
    with RecordedModelServer(records) as server:
        everybody = full_answers(records, names, server, prices)
        routed = [asyncio.run(run_policy(name, records, names, server, prices)) for name in options.policies]
        rows = [*baselines(records, names, everybody), *routed]
    show(rows, options.data, records, names, everybody["tokens"])
    return rows


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="a .jsonl or .jsonl.gz file of recorded outputs")
    parser.add_argument("--models", type=lambda text: text.split(","), default=MATH_MID_8.split(","))
    parser.add_argument("--questions", type=int, default=100, help="how many, drawn at random (default 100)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policies", nargs="*", choices=POLICIES, default=list(POLICIES))
    return parser.parse_args(arguments)


def sample(path: Path, models: Sequence[str], number: int, seed: int) -> list[dict[str, Any]]:
    """Draw questions that every model answered and that were scored."""
    records = [json.loads(line) for line in lines(path)]
    complete = [record for record in records if all(scored(record, model) for model in models)]
    if not complete:
        msg = f"no question in {path} was answered by all of {', '.join(models)} and scored"
        raise SystemExit(msg)
    return random.Random(seed).sample(complete, min(number, len(complete)))


def scored(record: Mapping[str, Any], model: str) -> bool:
    """Whether the record holds the model's output with a score."""
    return record["outputs"].get(model, {}).get("score") is not None


def lines(path: Path) -> Iterator[str]:
    """Read a file, gzipped or not."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from file


def read_prices(path: Path) -> dict[str, tuple[float, float]]:
    """Read USD per 1M tokens from a `models.json` beside the data; nothing where there is none."""
    beside = path.parent / "models.json"
    if not beside.exists():
        return {}
    models = json.loads(beside.read_text())
    told = {name: (row.get("price_in"), row.get("price_out")) for name, row in models.items() if isinstance(row, dict)}
    return {name: (i, o) for name, (i, o) in told.items() if i is not None and o is not None}


def pool_of(names: Sequence[str], server: RecordedModelServer, prices: Mapping[str, tuple[float, float]]) -> Pool:
    """Put the recorded models behind `ChatOpenAI`, as one would a vLLM server."""
    return Pool(
        [
            Candidate(
                name,
                ChatOpenAI(model=name, base_url=server.base_url, api_key=SecretStr("none"), max_retries=0),
                price=prices.get(name),
                continuation="continue_final_message",
            )
            for name in names
        ]
    )


def full_answers(
    records: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    server: RecordedModelServer,
    prices: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    """Let every model answer every question in full, each by itself, and keep what the server billed."""
    server.reset()
    pool = pool_of(names, server, prices)

    async def ask_all() -> None:
        for record in records:
            await asyncio.gather(*(c.model.ainvoke(record["question"]) for c in pool))

    asyncio.run(ask_all())
    bills = {name: server.billed[name, "completion"] for name in names}
    return {
        "bills": bills,
        "tokens": sum(bill.output_tokens for bill in bills.values()) / len(records),
        "prices": prices,
    }


def baselines(
    records: Sequence[Mapping[str, Any]], names: Sequence[str], everybody: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield the best single model (known only afterwards), the pool's first, and the majority of all."""
    number, bills, prices = len(records), everybody["bills"], everybody["prices"]
    singles = [
        Row(
            name,
            [record["outputs"][name]["score"] for record in records],
            bills[name].output_tokens / number,
            bills[name].input_tokens / number,
            1,
            cost([bills[name]], [name], prices, number),
        )
        for name in names
    ]
    best = max(singles, key=lambda row: row.accuracy)
    for row, label in ((best, "best single, in hindsight"), (singles[0], "first of the pool")):
        yield Row(f"{label}: {row.name}", row.right, row.output_tokens, row.input_tokens, 1, row.usd)
    yield Row(
        f"majority of all {len(names)} in full",
        [majority(record, names) for record in records],
        sum(row.output_tokens for row in singles),
        sum(row.input_tokens for row in singles),
        len(names),
        cost([bills[name] for name in names], names, prices, number),
    )
    yield Row("oracle: any of them right", [max(r["outputs"][n]["score"] for n in names) for r in records], 0, 0, 0)


def cost(
    bills: Sequence[Any], names: Sequence[str], prices: Mapping[str, tuple[float, float]], number: int
) -> float | None:
    """Return USD per 1,000 questions, or None where a price is missing."""
    if any(name not in prices for name in names):
        return None
    usd: float = sum(
        bill.input_tokens * prices[name][0] + bill.output_tokens * prices[name][1]
        for bill, name in zip(bills, names, strict=True)
    )
    return usd / 1e6 * 1000 / number


def majority(record: Mapping[str, Any], names: Sequence[str]) -> float:
    """Return the score of the answer most models gave; ties fall to the earlier model."""
    outputs = record["outputs"]
    keys = {name: default_key(outputs[name]["text"], record["question"]) for name in names}
    voting = [name for name in names if keys[name] is not None]
    if not voting:
        return float(outputs[names[0]]["score"])
    winner = max(voting, key=lambda name: list(keys.values()).count(keys[name]))
    return float(outputs[winner]["score"])


async def run_policy(
    name: str,
    records: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    server: RecordedModelServer,
    prices: Mapping[str, tuple[float, float]],
) -> Row:
    """Route every question through the compiled graph."""
    server.reset()
    graph = create_lightrouter(pool_of(names, server, prices)).compile()
    right, usd = [], []
    for record in track(records, description=f"{name:<34}", transient=True):
        question = HumanMessage(record["question"])
        result = await graph.ainvoke({"messages": [question]}, context=POLICIES[name].model_copy(update={"seed": 0}))
        decision = result["messages"][-1].response_metadata["lightrouter"]
        right.append(float(record["outputs"][decision["merged_by"]]["score"]))
        usd.append(decision["bill"]["usd"])
    server.wait_until_idle()
    billed, number = server.total(), len(records)
    spent = None if None in usd else sum(usd) * 1000 / number
    return Row(name, right, billed.output_tokens / number, billed.input_tokens / number, billed.calls / number, spent)


def against(row: Row, other: Row, draws: int = 2000) -> str:
    """Write a row's paired difference to another with its bootstrap 95 % interval, in points."""
    gains = 100 * (np.array(row.right) - np.array(other.right))
    picks = np.random.default_rng(0).integers(len(gains), size=(draws, len(gains)))
    low, high = np.percentile(gains[picks].mean(axis=1), [2.5, 97.5])
    return f"{gains.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def show(
    rows: Sequence[Row],
    path: Path,
    records: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    all_tokens: float,
) -> None:
    """Print the table."""
    title = f"{path.name}: {len(records)} questions, {len(names)} candidates; billed by the server, per question"
    table = Table(title=title)
    table.add_column("policy", no_wrap=True)
    majority_row = next(row for row in rows if row.name.startswith("majority"))
    for column in (
        "accuracy",
        "output tokens",
        "of all in full",
        "input tokens",
        "calls",
        "USD / 1,000",
        "to majority",
    ):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        share = f"{row.output_tokens / all_tokens:.0%}" if row.output_tokens else ""
        usd = "" if row.usd is None else f"{row.usd:.2f}"
        tokens = [f"{row.output_tokens:.0f}", share, f"{row.input_tokens:.0f}", f"{row.calls:.1f}"]
        table.add_row(
            row.name, f"{row.accuracy:.3f}", *(tokens if row.calls else [""] * 4), usd, against(row, majority_row)
        )
    console = Console()
    console.print(table) if console.is_terminal else Console(width=170).print(table)


if __name__ == "__main__":
    main()
