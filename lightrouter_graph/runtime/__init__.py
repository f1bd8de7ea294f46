"""Runs of the graph at run time: node runnables, cancellation, early stopping, durable calls."""
