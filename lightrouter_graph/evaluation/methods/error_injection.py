"""LightRouter over candidates with injected errors in the boots of one layer."""

import re
from dataclasses import dataclass, replace

from lightrouter_graph.context import Context
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Fitted, Need, Setting
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter, read_settings
from lightrouter_graph.evaluation.models.error_injection import Injection, with_injected_errors
from lightrouter_graph.pool import Pool

_NAME = re.compile(r"corrupted-(?P<percent>\d{1,3})-in-(?P<layer>\d)-of-(?P<layers>\d)(?::boot_tokens=(?P<boot>\d+))?")
FORM = "corrupted-PERCENT-in-LAYER-of-LAYERS"


@dataclass(frozen=True, slots=True)
class ErrorInjection:
    """All candidates boot, the top 2 continue their boots, and the writer merges; some boots of one layer are wrong.

    `percent` is the probability of an error, 0 to 100; `layer` is 1-based. Each later layer boots and ranks again.
    """

    name: str
    percent: int
    layer: int
    layers: int
    boot_tokens: int = 200

    @property
    def label(self) -> str:
        """Share and layer of the wrong boots."""
        if not self.percent:
            return f"no boot wrong, {self.layers} layer{'s' if self.layers > 1 else ''}"
        return f"{self.percent} % of the boots of layer {self.layer} of {self.layers} wrong"

    @property
    def needs(self) -> frozenset[Need]:
        """Live models, which continue a changed boot."""
        return frozenset({"live"})

    def fit(self, setting: Setting) -> Fitted:
        """Compile LightRouter over candidates with injected errors."""
        injection = Injection(self.layer, self.percent / 100, setting.seed)
        pool = Pool([with_injected_errors(candidate, injection) for candidate in setting.pool])
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


def error_injection_named(name: str, changes: str = "") -> ErrorInjection | None:
    """Return the method of a name such as `corrupted-50-in-1-of-3`; None if the name has another form.

    Args:
        name: The name; `:boot_tokens=N` may follow.
        changes: Settings as for `lightrouter_named`, of which `boot_tokens` is read.

    Raises:
        EvaluationError: If the percentage is above 100 or the layer is not one of the layers.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    percent, layer, layers = (int(found[part]) for part in ("percent", "layer", "layers"))
    if percent > 100 or not 1 <= layer <= layers:
        msg = f"method {name!r}: needs a percentage of 0 to 100 and a layer of 1 to {layers}; the form is {FORM}"
        raise EvaluationError(msg)
    boot_tokens = found["boot"] or read_settings(changes, name).get("boot_tokens") or Context().boot_tokens
    return ErrorInjection(name, percent, layer, layers, int(boot_tokens))
