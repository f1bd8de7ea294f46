"""Fakes to test a graph with: a scripted chat model, clocks, and a server of recorded models."""

from lightrouter_graph.testing.billing import Bill, RecordedRequest
from lightrouter_graph.testing.calls import Call, ScriptExhaustedError
from lightrouter_graph.testing.clock import Clock, RealClock, VirtualClock
from lightrouter_graph.testing.conditions import Fail, Timing
from lightrouter_graph.testing.recorded import RecordedModelServer
from lightrouter_graph.testing.replies import Reply, Response, Scripted
from lightrouter_graph.testing.scripted import ScriptedChatModel
from lightrouter_graph.testing.tokens import count_tokens, split_tokens

__all__ = [
    "Bill",
    "Call",
    "Clock",
    "Fail",
    "RealClock",
    "RecordedModelServer",
    "RecordedRequest",
    "Reply",
    "Response",
    "ScriptExhaustedError",
    "Scripted",
    "ScriptedChatModel",
    "Timing",
    "VirtualClock",
    "count_tokens",
    "split_tokens",
]
