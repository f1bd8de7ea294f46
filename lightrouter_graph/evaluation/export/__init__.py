"""Exports of evaluation results to other tools."""
