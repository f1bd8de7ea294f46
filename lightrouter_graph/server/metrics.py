"""What the server counts, in Prometheus' words; one registry per app."""

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

HUNG_UP = 499
"""The status under which requests are counted whose client went away, as nginx counts them."""

_UNKNOWN = "unknown"
_CAUSES = frozenset(get_args(Cause))
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class Metrics:
    """The counters of one app. The label `model` only takes names that are served, so that nobody can flood it."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "lightrouter_requests", "Requests by their outcome; 499: hung up.", ["model", "status"], registry=registry
        )
        self._in_flight = Gauge("lightrouter_in_flight", "Requests being answered.", registry=registry)
        self._seconds = Histogram(
            "lightrouter_request_seconds", "Whole requests.", ["model"], buckets=_SECONDS, registry=registry
        )
        self._first_token = Histogram(
            "lightrouter_first_token_seconds",
            "From the request to the first token of a stream.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "lightrouter_tokens",
            "Tokens of all calls, but of requests whose client hung up.",
            ["model", "direction"],
            registry=registry,
        )
        self._usd = Counter(
            "lightrouter_usd",
            "US dollars, as far as prices are known, but of requests whose client hung up.",
            ["model"],
            registry=registry,
        )
        self._failures = Counter(
            "lightrouter_candidate_failures",
            "Candidates that failed in a request, by the last cause.",
            ["candidate", "cause"],
            registry=registry,
        )
        self._cancelled = Counter(
            "lightrouter_cancelled", "Requests stopped because the client hung up.", ["model"], registry=registry
        )

    @contextmanager
    def observe(self) -> Iterator["Observation"]:
        """Count one request, from here to the end of the block."""
        seen = Observation()
        with self._in_flight.track_inprogress():
            try:
                yield seen
            finally:
                self._count(seen)

    def show(self, request: Request) -> Response:
        """Write everything down in the format the scraper asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type})

    def _count(self, seen: "Observation") -> None:
        self._requests.labels(seen.model, str(seen.status)).inc()
        self._seconds.labels(seen.model).observe(time.perf_counter() - seen.began)
        if seen.status == HUNG_UP:
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
    """What is known of one request so far."""

    model: str = _UNKNOWN
    status: int = HUNG_UP
    began: float = field(default_factory=time.perf_counter)
    first_token_s: float | None = None
    usage: UsageMetadata | None = None
    usd: float = 0.0
    failures: Mapping[str, str] = field(default_factory=dict)

    def speaks(self) -> None:
        """Note the first token; later ones change nothing."""
        if self.first_token_s is None:
            self.first_token_s = time.perf_counter() - self.began

    def answered(self, usage: UsageMetadata | None, decision: Mapping[str, Any] | None) -> None:
        """Note a whole answer and what it cost."""
        record = decision or {}
        self.status, self.usage = 200, usage
        self.usd = record.get("bill", {}).get("usd_known") or 0.0
        failed = [candidate for candidate in record.get("candidates", ()) if candidate["outcome"] == "failed"]
        self.failures = {candidate["candidate"]: candidate["why"] for candidate in failed}

    def unanswered(self, exc: NoSurvivorError) -> None:
        """Note that nobody answered, and what was spent in vain."""
        self.failures = exc.failures
        if exc.bill:
            self.usage, self.usd = usage_metadata(exc.bill["usage"]), exc.bill["usd_known"]
