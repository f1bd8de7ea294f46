"""What a candidate turned out to be like: found out once, by a call that went wrong, and remembered after that."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

LIMIT_NAMES = ("max_completion_tokens", "max_tokens", "num_predict")
"""The names under which OpenAI-like endpoints take the cap on the output, each knowing only some of them."""

_REFUSAL = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|\bextra\b|instead"
)
_FORM = frozenset({400, 404, 422})
"""How endpoints say that they do not understand a request; refused for its form, it cost nothing."""


@dataclass(slots=True)
class LearnedCapabilities:
    """What was learnt of one candidate in this process; forgotten with it.

    Attributes:
        limit: The name of the cap that it takes instead of the one we know; "" where it takes none.
        refused_limits: The names it has refused.
        ignores_cap: Whether it writes on past its cap: its replies are then streamed, and cut by us.
        restarts: Whether it starts over instead of continuing a final assistant message.
        alternates: Whether it refuses two messages of one role in a row.
        reasons: Whether its reasoning ate a whole boot: its boots are then given more room and less effort.
        keeps_effort: Whether it refuses to be told to reason less: room must do then.
    """

    limit: str | None = None
    refused_limits: tuple[str, ...] = ()
    ignores_cap: bool = False
    restarts: bool = False
    alternates: bool = False
    reasons: bool = False
    keeps_effort: bool = False

    def forget(self) -> None:
        """Know nothing again."""
        for known in fields(self):
            setattr(self, known.name, known.default)

    def refuse_limit(self, known: str, hint: str) -> bool:
        """Learn that the cap was refused under its name, and choose another.

        Args:
            known: The name we knew.
            hint: What the endpoint said; a name in it that was not tried yet goes first.

        Returns:
            Whether there is anything left to try.
        """
        if self.limit == "":
            return False
        self.refused_limits = (*self.refused_limits, self.limit or known)
        rest = [name for name in LIMIT_NAMES if name not in self.refused_limits]
        self.limit = next((name for name in rest if name in hint), rest[0] if rest else "")
        self.ignores_cap = self.ignores_cap or not self.limit
        return True


def refuses_limit(exc: Exception) -> bool:
    """Whether a call was refused because of the name of its cap, and not because of the cap's size."""
    text = str(exc).lower()
    named = any(name in text for name in (*LIMIT_NAMES, "max_output_tokens"))
    return _is_about_form(exc) and named and _REFUSAL.search(text) is not None


def refuses_roles(exc: Exception) -> bool:
    """Whether a call was refused because two messages of one role stand in a row."""
    return _is_about_form(exc) and "alternat" in str(exc).lower()


def refuses_field(exc: Exception, names: Iterable[str]) -> bool:
    """Whether a call was refused because of a field of its body that the endpoint does not know, or not for the model.

    Args:
        exc: What the call raised.
        names: The fields that were sent and could be left out.
    """
    text = str(exc).lower()
    return _is_about_form(exc) and any(name in text for name in names)


def _is_about_form(exc: Exception) -> bool:
    return isinstance(exc, TypeError) or getattr(exc, "status_code", None) in _FORM
