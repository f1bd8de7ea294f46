"""Measure policies against baselines on recorded or live models, with intervals: `lightrouter eval`."""
