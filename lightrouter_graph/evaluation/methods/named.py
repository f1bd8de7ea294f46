"""Every method by its name: baselines, LightRouter's settings, corrupted runs."""

from dataclasses import replace

from lightrouter_graph.evaluation.methods.base import Method
from lightrouter_graph.evaluation.methods.error_injection import Corrupted, corrupted_named
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS, LightRouter, lightrouter_named, with_changes
from lightrouter_graph.evaluation.methods.registry import method_named


def named(name: str, changes: str = "") -> Method:
    """Return the method of a name, such as `majority`, `single:NAME` or `lightrouter:boot_tokens=64`.

    Args:
        name: The name.
        changes: Settings laid over every LightRouter method that does not set them itself, as `boot_tokens=16,top_k=3`.
            The method keeps its name, so that runs with and without them can be compared.

    Raises:
        EvaluationError: If there is none; the message lists what is known, and what may have been meant.
    """
    plain = lightrouter_named(name) or corrupted_named(name) or method_named(name, LIGHTROUTERS)
    under = with_changes(name, changes)
    if under == name:
        return plain
    changed = lightrouter_named(under) or corrupted_named(under)
    if isinstance(changed, LightRouter):
        return replace(changed, name=name, label=plain.label)
    return replace(changed, name=name) if isinstance(changed, Corrupted) else plain
