"""Fake OpenAI-compatible server that replays recorded models; its public names are in `lightrouter_graph.testing`."""

try:
    import openai  # noqa: F401
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as exc:
    raise ImportError("the fake server needs more packages: pip install 'lightrouter-graph[testing]'") from exc
