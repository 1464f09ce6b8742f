"""Owns the numbers for Prometheus: requests by access row and status, their time, and what a health check found.

Never labels by address or person.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


class Metrics:
    """One registry per application, so that two applications in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "yunjian_http_requests_total", "HTTP requests", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram("yunjian_http_request_seconds", "Time to answer", ("route",), registry=self.registry)
        self._faults = Counter(
            "yunjian_background_faults_total", "Failures in background loops", ("loop",), registry=self.registry
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def fault(self, loop: str) -> None:
        self._faults.labels(loop).inc()

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
