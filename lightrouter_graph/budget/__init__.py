"""Limits on USD, tokens and calls: worst-case amounts, the remaining budget, and reservations of single calls."""

from lightrouter_graph.budget.amounts import USD_TOLERANCE, Amount, cost_of, fits, minus, share
from lightrouter_graph.budget.remaining import RemainingBudget, remaining_budget, run_deadline
from lightrouter_graph.budget.reservations import (
    MIN_REPLY_TOKENS,
    UNCAPPED_REPLY_TOKENS,
    BudgetReservations,
    Reservation,
)
from lightrouter_graph.budget.spent import add_spent, amount_of, reserved_spent, total_spent
from lightrouter_graph.budget.token_bounds import PromptTokenBound, max_prompt_tokens

__all__ = [
    "MIN_REPLY_TOKENS",
    "UNCAPPED_REPLY_TOKENS",
    "USD_TOLERANCE",
    "Amount",
    "BudgetReservations",
    "PromptTokenBound",
    "RemainingBudget",
    "Reservation",
    "add_spent",
    "amount_of",
    "cost_of",
    "fits",
    "max_prompt_tokens",
    "minus",
    "remaining_budget",
    "reserved_spent",
    "run_deadline",
    "share",
    "total_spent",
]
