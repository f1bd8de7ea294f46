"""What a plan does otherwise than asked for, in words."""

from lightrouter_graph.planning.ladder import Rung


def notes_on(asked: Rung, chosen: Rung) -> list[str]:
    """Say what is changed between two ways to run."""
    if len(chosen.booting) == 1 < len(asked.booting):
        return [f"budget: {chosen.booting[0]} alone answers", *_length(asked, chosen)]
    return [*_layers(asked, chosen), *_boots(asked, chosen), *_settings(asked, chosen), *_length(asked, chosen)]


def _layers(asked: Rung, chosen: Rung) -> list[str]:
    before, after = asked.settings.layers, chosen.settings.layers
    return [] if before == after else [f"budget: layers = {after} instead of {before}"]


def _boots(asked: Rung, chosen: Rung) -> list[str]:
    out = [name for name in asked.booting if name not in chosen.booting]
    if len(chosen.booting) == len(asked.booting) or not out:
        return []
    return [f"budget: {len(chosen.booting)} candidates boot instead of {len(asked.booting)}, without {', '.join(out)}"]


def _settings(asked: Rung, chosen: Rung) -> list[str]:
    changed = {name: (getattr(asked.settings, name), getattr(chosen.settings, name)) for name in _NAMES}
    return [f"budget: {name} = {new!r} instead of {old!r}" for name, (old, new) in changed.items() if old != new]


def _length(asked: Rung, chosen: Rung) -> list[str]:
    cap = chosen.settings.max_tokens
    return [] if cap == asked.settings.max_tokens else [f"budget: a full answer has at most {cap} tokens"]


_NAMES = ("top_k", "agree", "aggregator", "selector")
