"""Experiments: the main table, the ablations of the paper, predictiveness of boots, equal cost, error injection."""
