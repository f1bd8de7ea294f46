"""Limits on USD, tokens and calls: worst-case amounts, the remaining budget, and reservations of single calls."""
