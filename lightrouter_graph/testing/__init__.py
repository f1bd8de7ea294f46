"""Fakes to test a graph with: a scripted chat model, clocks, and a server of recorded models."""

from lightrouter_graph.testing.billing import Bill, RecordedRequest
from lightrouter_graph.testing.calls import Call, ScriptExhaustedError
from lightrouter_graph.testing.clock import Clock, RealClock, VirtualClock
from lightrouter_graph.testing.faults import Behave, Cut, Fail, Fault, Insert, Replace, Say, Stall
from lightrouter_graph.testing.gauge import Gauge
from lightrouter_graph.testing.habits import Habits, Reasoning
from lightrouter_graph.testing.plans import FaultPlan
from lightrouter_graph.testing.recorded import RecordedModelServer
from lightrouter_graph.testing.replies import Reply, Response, Scripted
from lightrouter_graph.testing.scripted import ScriptedChatModel
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import count_tokens, split_tokens

__all__ = [
    "Behave",
    "Bill",
    "Call",
    "Clock",
    "Cut",
    "Fail",
    "Fault",
    "FaultPlan",
    "Gauge",
    "Habits",
    "Insert",
    "RealClock",
    "Reasoning",
    "RecordedModelServer",
    "RecordedRequest",
    "Replace",
    "Reply",
    "Response",
    "Say",
    "ScriptExhaustedError",
    "Scripted",
    "ScriptedChatModel",
    "Stall",
    "Timing",
    "VirtualClock",
    "count_tokens",
    "split_tokens",
]
