"""Stop rules: they decide which candidates answer in full, and when the answers suffice."""

from lightrouter_graph.context import Context
from lightrouter_graph.stopping.base import StopCode, StopReason, StopRule, counted, next_candidates, stop_reason
from lightrouter_graph.stopping.rules import AgreementStop, FixedTopK

__all__ = [
    "AgreementStop",
    "FixedTopK",
    "StopCode",
    "StopReason",
    "StopRule",
    "counted",
    "next_candidates",
    "rule_for",
    "stop_reason",
]


def rule_for(settings: Context) -> StopRule:
    """Return the stop rule that the `settings` describe: agreement, or a fixed top-k if `agree` is None.

    Args:
        settings: Settings of the run.
    """
    return FixedTopK() if settings.agree is None else AgreementStop()
