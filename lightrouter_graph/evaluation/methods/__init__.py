"""Evaluation methods: baselines, upper bounds, LightRouter in its settings, and LightRouter with injected errors."""
