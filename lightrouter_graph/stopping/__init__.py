"""When enough has been answered, and who answers next: one file per way."""

from lightrouter_graph.stopping.agreement import AgreementStop
from lightrouter_graph.stopping.base import LayerStatus, StopRule
from lightrouter_graph.stopping.fixed_top_k import FixedTopK

__all__ = ["AgreementStop", "FixedTopK", "LayerStatus", "StopRule", "rule_for"]


def rule_for(top_k: int, agree: int | None) -> StopRule:
    """Return the rule the two settings ask for."""
    return FixedTopK(top_k) if agree is None else AgreementStop(agree, top_k)
