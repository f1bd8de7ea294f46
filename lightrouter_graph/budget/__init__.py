"""What a run may cost, what it has cost at most, and the purse from which its calls are paid."""

from lightrouter_graph.budget.amounts import DUST, UNLIMITED, Allowance, Amount, cost_of, fits, minus, share
from lightrouter_graph.budget.left import Left, deadline_of, left_of
from lightrouter_graph.budget.lengths import Ruler, most_tokens
from lightrouter_graph.budget.purse import LEAST_TOKENS, OPEN_TOKENS, Purse, Reservation
from lightrouter_graph.budget.spent import NOTHING, AtMost, Spent, add_spent, amount_of, in_flight, spent_by

__all__ = [
    "DUST",
    "LEAST_TOKENS",
    "NOTHING",
    "OPEN_TOKENS",
    "UNLIMITED",
    "Allowance",
    "Amount",
    "AtMost",
    "Left",
    "Purse",
    "Reservation",
    "Ruler",
    "Spent",
    "add_spent",
    "amount_of",
    "cost_of",
    "deadline_of",
    "fits",
    "in_flight",
    "left_of",
    "minus",
    "most_tokens",
    "share",
    "spent_by",
]
