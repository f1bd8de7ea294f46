"""Prometheus metrics of the server; one registry per app."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, get_args

from langchain_core.messages.ai import UsageMetadata
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from lightrouter_graph.errors import NoSurvivorError
from lightrouter_graph.records import Cause
from lightrouter_graph.telemetry.bill import usage_metadata

CLIENT_CLOSED = 499
"""Status label of requests whose client disconnected, as in nginx."""

_UNKNOWN = "unknown"
_CAUSES = frozenset(get_args(Cause))
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class Metrics:
    """Metrics of one app. The label `model` has served names only, which bounds its cardinality."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "lightrouter_requests",
            "Requests by status; 499 = client disconnected.",
            ["model", "status"],
            registry=registry,
        )
        self._in_flight = Gauge("lightrouter_in_flight", "Requests in flight.", registry=registry)
        self._seconds = Histogram(
            "lightrouter_request_seconds",
            "Duration of requests in seconds.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_token = Histogram(
            "lightrouter_first_token_seconds",
            "Seconds from the request to the first token of a stream.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "lightrouter_tokens",
            "Tokens of all model calls, without requests whose client disconnected.",
            ["model", "direction"],
            registry=registry,
        )
        self._usd = Counter(
            "lightrouter_usd",
            "Cost in US dollars where prices are known, without requests whose client disconnected.",
            ["model"],
            registry=registry,
        )
        self._failures = Counter(
            "lightrouter_candidate_failures",
            "Failed candidates by their last cause.",
            ["candidate", "cause"],
            registry=registry,
        )
        self._cancelled = Counter(
            "lightrouter_cancelled", "Requests cancelled because the client disconnected.", ["model"], registry=registry
        )

    @contextmanager
    def observe(self) -> Iterator["Observation"]:
        """Measure one request for the duration of the block."""
        observation = Observation()
        with self._in_flight.track_inprogress():
            try:
                yield observation
            finally:
                self._record(observation)

    def show(self, request: Request) -> Response:
        """Return all metrics in the format that the `accept` header of the request names."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type})

    def _record(self, seen: "Observation") -> None:
        self._requests.labels(seen.model, str(seen.status)).inc()
        self._seconds.labels(seen.model).observe(time.perf_counter() - seen.started_at)
        if seen.status == CLIENT_CLOSED:
            self._cancelled.labels(seen.model).inc()
        if seen.first_token_s is not None:
            self._first_token.labels(seen.model).observe(seen.first_token_s)
        if seen.usage is not None:
            self._tokens.labels(seen.model, "in").inc(seen.usage["input_tokens"])
            self._tokens.labels(seen.model, "out").inc(seen.usage["output_tokens"])
        self._usd.labels(seen.model).inc(seen.usd)
        for candidate, why in seen.failures.items():
            if (cause := why.partition(":")[0]) in _CAUSES:
                self._failures.labels(candidate, cause).inc()


@dataclass(slots=True)
class Observation:
    """Measurements of one request; `usd` sums the calls with a known price."""

    model: str = _UNKNOWN
    status: int = CLIENT_CLOSED
    started_at: float = field(default_factory=time.perf_counter)
    first_token_s: float | None = None
    usage: UsageMetadata | None = None
    usd: float = 0.0
    failures: Mapping[str, str] = field(default_factory=dict)

    def record_token(self) -> None:
        """Record the time of the first token."""
        if self.first_token_s is None:
            self.first_token_s = time.perf_counter() - self.started_at

    def record_answer(self, usage: UsageMetadata | None, decision: Mapping[str, Any] | None) -> None:
        """Record a complete answer.

        Args:
            usage: Tokens of all model calls; None if unknown.
            decision: Decision record of the answer; None if the model is not LightRouter.
        """
        record = decision or {}
        self.status, self.usage = 200, usage
        self.usd = record.get("bill", {}).get("usd_known") or 0.0
        failed = [candidate for candidate in record.get("candidates", ()) if candidate["outcome"] == "failed"]
        self.failures = {candidate["candidate"]: candidate["why"] for candidate in failed}

    def record_failure(self, exc: NoSurvivorError) -> None:
        """Record that no candidate answered, and the cost of the calls.

        Args:
            exc: The error with the failures of the candidates.
        """
        self.failures = exc.failures
        if exc.bill:
            self.usage, self.usd = usage_metadata(exc.bill["usage"]), exc.bill["usd_known"]
