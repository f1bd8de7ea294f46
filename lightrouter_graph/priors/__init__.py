"""What is believed of the candidates before any of them has written a word."""

from lightrouter_graph.priors.base import Prior
from lightrouter_graph.priors.order import OrderPrior
from lightrouter_graph.priors.uniform import UniformPrior

__all__ = ["OrderPrior", "Prior", "UniformPrior"]
