"""What a model call is for, as the package's own calls say it."""

from lightrouter_graph.llm.call import current_call


def stage_now() -> str:
    """Return "boot", "select", "generate" or "aggregate"; "generate" for a call from elsewhere."""
    call = current_call()
    return "generate" if call is None else call.stage


def layer_now() -> int:
    """Return the layer of the call that is being made, 1-based; 1 for a call from elsewhere."""
    call = current_call()
    return 1 if call is None else call.layer
