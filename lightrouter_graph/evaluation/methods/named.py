"""Every method by its name: baselines, LightRouter's settings, corrupted runs."""

from lightrouter_graph.evaluation.methods.base import Method
from lightrouter_graph.evaluation.methods.catalogue import method_named
from lightrouter_graph.evaluation.methods.corrupted import corrupted_named
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS, lightrouter_named


def named(name: str) -> Method:
    """Return the method of a name, such as `majority`, `single:NAME` or `lightrouter:boot_tokens=64`.

    Raises:
        EvaluationError: If there is none; the message lists what is known, and what may have been meant.
    """
    return lightrouter_named(name) or corrupted_named(name) or method_named(name, LIGHTROUTERS)
