"""The graph as one chat model: a face of the same graph for chains, agents and other graphs."""

from lightrouter_graph.chat_model.arguments import DEFAULT, PAPER
from lightrouter_graph.chat_model.model import ChatLightRouter

__all__ = ["DEFAULT", "PAPER", "ChatLightRouter"]
