"""The graphs `langgraph.json` names, for `langgraph dev`, Studio and deployment; not part of the wheel."""
