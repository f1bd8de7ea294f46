"""Graphs of `langgraph.json` for `langgraph dev`, Studio and deployment; not part of the wheel."""
