"""What keeps many calls at once from storming a provider."""

from lightrouter_graph.traffic.retries import RETRIED, RetryBudget, backoff_s, worth_retrying
from lightrouter_graph.traffic.retry_after import retry_after_s

__all__ = ["RETRIED", "RetryBudget", "backoff_s", "retry_after_s", "worth_retrying"]
