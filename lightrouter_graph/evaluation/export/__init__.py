"""Exports of results to other tools."""
