"""What a model call is for, as the package's own calls say it in their tags."""

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun

_TAG = "lightrouter:"


def stage_of(run_manager: AsyncCallbackManagerForLLMRun | None) -> str:
    """Return "boot", "select", "generate" or "aggregate"; "generate" where nobody said."""
    tags = [] if run_manager is None else run_manager.tags
    return next((tag.removeprefix(_TAG) for tag in tags if tag.startswith(_TAG)), "generate")


def layer_of(run_manager: AsyncCallbackManagerForLLMRun | None) -> int:
    """Return the layer a call is made in, 1-based; 1 where nobody said."""
    return 1 if run_manager is None else int(run_manager.metadata.get("lightrouter_layer", 1))
