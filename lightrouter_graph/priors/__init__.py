"""Priors: scores of the candidates before any of them has been called."""

from lightrouter_graph.priors.base import Memory, Prior, in_prior_order, observe, score_candidates
from lightrouter_graph.priors.built_in import OrderPrior, UniformPrior

__all__ = ["Memory", "OrderPrior", "Prior", "UniformPrior", "in_prior_order", "observe", "score_candidates"]
