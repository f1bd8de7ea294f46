"""Muon for the matrices inside the layers, AdamW for the tables around them."""

from collections.abc import Iterable

import torch
from torch import Tensor

from examples.train_pocket.network import Weights

MUON_RATE, ADAM_RATE = 0.02, 4e-3
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Optimizer:
    """Both optimizers behind one step; matrices of one size are orthogonalised together."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._matrices = _by_size((n, w) for n, w in weights.items() if n.startswith("layer"))
        self._momenta = {n: torch.zeros_like(w) for names in self._matrices for n in names for w in [weights[n]]}
        tables = [w for n, w in weights.items() if not n.startswith("layer")]
        self._adam = torch.optim.AdamW(tables, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, eps=1e-9)

    def step(self, share: float) -> None:
        """One update at this share of the full learning rate; gradients are cleared."""
        for group in self._adam.param_groups:
            group["lr"] = ADAM_RATE * share
        self._adam.step()
        with torch.no_grad():
            for names in self._matrices:
                self._step_matrices(names, MUON_RATE * share)
        for weight in self._weights.values():
            weight.grad = None

    def state_dict(self) -> dict[str, object]:
        """All that a resumed run needs."""
        return {"adam": self._adam.state_dict(), "momenta": self._momenta}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on where `state_dict` was taken."""
        self._adam.load_state_dict(state["adam"])
        for name, momentum in state["momenta"].items():  # type: ignore[attr-defined]
            self._momenta[name].copy_(momentum)

    def _step_matrices(self, names: tuple[str, ...], rate: float) -> None:
        updates = []
        for name in names:
            gradient, momentum = self._weights[name].grad, self._momenta[name]
            momentum.lerp_(gradient, 0.05)
            updates.append(gradient.lerp(momentum, 0.95))
        directions = orthogonalize(torch.stack(updates))
        rows, columns = directions.shape[-2:]
        step = rate * max(1.0, columns / rows) ** 0.5
        for name, direction in zip(names, directions, strict=True):
            self._weights[name].mul_(1 - 0.05 * rate).sub_(direction, alpha=step)


def orthogonalize(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrices, by five Newton-Schulz steps (Jordan et al., Muon, 2024)."""
    a, b, c = _NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


def _by_size(named: Iterable[tuple[str, Tensor]]) -> list[tuple[str, ...]]:
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, weight in named:
        groups.setdefault(tuple(weight.shape), []).append(name)
    return [tuple(names) for names in groups.values()]
