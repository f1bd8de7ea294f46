"""Stage and layer of the current model call, as the core records them."""

from lightrouter_graph.llm.call import current_call


def current_stage() -> str:
    """Return "boot", "select", "generate" or "aggregate"; "generate" for a call outside of the core."""
    call = current_call()
    return "generate" if call is None else call.stage


def current_layer() -> int:
    """Return the 1-based layer of the current call; 1 for a call outside of the core."""
    call = current_call()
    return 1 if call is None else call.layer
