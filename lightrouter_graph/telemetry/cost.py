"""`cost_of`: the cost of the answers in a conversation, read from their decision records."""

from collections.abc import Iterable
from typing import cast

from langchain_core.messages import BaseMessage
from typing_extensions import TypedDict

from lightrouter_graph.records import NO_USAGE, Usage, add_usage
from lightrouter_graph.telemetry.bill import Bill


class Cost(TypedDict):
    """Cost of one or more runs. `usd` is None if a price is unknown; `usd_known` is the sum of the known ones."""

    runs: int
    calls: int
    usage: Usage
    usd: float | None
    usd_known: float
    unpriced: list[str]
    """Candidates without a known price."""
    seconds: float


def cost_of(messages: BaseMessage | Iterable[BaseMessage]) -> Cost:
    """Add up the bills of the answers in a conversation, each run once.

    Args:
        messages: One answer, or a conversation; messages that LightRouter did not write cost nothing here.
    """
    answers = [messages] if isinstance(messages, BaseMessage) else messages
    records = [answer.response_metadata.get("lightrouter") or {} for answer in answers]
    bills = {record["run"]: cast("Bill", record["bill"]) for record in records if "bill" in record}.values()
    prices = [bill["usd"] for bill in bills]
    return {
        "runs": len(bills),
        "calls": sum(bill["calls"] for bill in bills),
        "usage": add_usage(NO_USAGE, *(bill["usage"] for bill in bills)),
        "usd": None if None in prices else sum(price for price in prices if price is not None),
        "usd_known": sum(bill["usd_known"] for bill in bills),
        "unpriced": sorted({name for bill in bills for name in bill["unpriced"]}),
        "seconds": sum(bill["seconds"] for bill in bills),
    }
