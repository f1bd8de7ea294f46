from .calls import Call
from .clock import Clock, RealClock, VirtualClock
from .gauge import Gauge
from .replies import Reply, Response, Scripted
from .script import ScriptExhaustedError
from .scripted import ScriptedChatModel
from .server.behaviours import Reasoning, ServerBehaviour
from .server.billing import Bill, RecordedRequest
from .server.fault_plans import FaultPlan
from .server.faults import Behave, Cut, Fail, Fault, Insert, Replace, Say, Stall
from .server.recorded_model_server import RecordedModelServer
from .timing import Timing
from .tokens import count_tokens, split_tokens

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
    "ServerBehaviour",
    "Stall",
    "Timing",
    "VirtualClock",
    "count_tokens",
    "split_tokens",
]
