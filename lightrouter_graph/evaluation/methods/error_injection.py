"""LightRouter over candidates whose boots carry injected errors in one layer."""

import re
from dataclasses import dataclass, replace

from lightrouter_graph.context import Context
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Fitted, Need, Setting
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter
from lightrouter_graph.evaluation.models.error_injection import Injection, corrupted
from lightrouter_graph.pool import Pool

_NAME = re.compile(r"corrupted-(?P<percent>\d{1,3})-in-(?P<layer>\d)-of-(?P<layers>\d)(?::boot_tokens=(?P<boot>\d+))?")
FORM = "corrupted-PERCENT-in-LAYER-of-LAYERS"


@dataclass(frozen=True, slots=True)
class Corrupted:
    """All boot, the best two go on from their own boots and the writer merges; some boots of one layer are wrong.

    Attributes:
        name: As in results.
        percent: Chance of a boot to be made wrong, 0 to 100.
        layer: Whose boots are made wrong.
        layers: How many there are; each later one ranks anew.
        boot_tokens: Length of the boots.
    """

    name: str
    percent: int
    layer: int
    layers: int
    boot_tokens: int = 200

    @property
    def label(self) -> str:
        """What is made wrong."""
        if not self.percent:
            return f"no boot wrong, {self.layers} layer{'s' if self.layers > 1 else ''}"
        return f"{self.percent} % of the boots of layer {self.layer} of {self.layers} wrong"

    @property
    def needs(self) -> frozenset[Need]:
        """Models that go on from what they are given."""
        return frozenset({"live"})

    def fit(self, setting: Setting) -> Fitted:
        """Let the candidates err."""
        injection = Injection(self.layer, self.percent / 100, setting.seed)
        pool = Pool([corrupted(candidate, injection) for candidate in setting.pool])
        context = Context(
            boot_tokens=self.boot_tokens,
            width=None,
            top_k=2,
            agree=None,
            layers=self.layers,
            selector="consistency",
            aggregator="llm",
        )
        return LightRouter(self.name, self.label, context, merger="writer").fit(replace(setting, pool=pool))


def corrupted_named(name: str) -> Corrupted | None:
    """Return the method of a name such as `corrupted-50-in-1-of-3`; None where it is no such name.

    Raises:
        EvaluationError: If the percentage is above 100 or the layer is not one of the layers.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    percent, layer, layers = (int(found[part]) for part in ("percent", "layer", "layers"))
    if percent > 100 or not 1 <= layer <= layers:
        msg = f"method {name!r}: a percentage of 0 to 100 and a layer of 1 to {layers} are needed"
        raise EvaluationError(msg)
    return Corrupted(name, percent, layer, layers, int(found["boot"] or Context().boot_tokens))
