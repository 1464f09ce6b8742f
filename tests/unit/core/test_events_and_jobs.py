"""Events by cursor and jobs as rows, without a second process."""

from __future__ import annotations

import pytest

from core import events, jobs
from core.context import Services
from core.errors import NotFound, Refused
from core.jobs import Dispatch, JobState, JobStopped


def publish(services: Services, *names: str) -> None:
    with services.db.write() as session:
        for name in names:
            events.publish(session, services.clock, stream="s", type=name, payload={"name": name})


def test_each_subscriber_has_its_cursor(services: Services) -> None:
    publish(services, "a", "b")
    first: list[str] = []
    assert events.deliver(services.db, "one", lambda event: first.append(event.type)) == 2
    publish(services, "c")
    second: list[str] = []
    events.deliver(services.db, "one", lambda event: first.append(event.type))
    events.deliver(services.db, "two", lambda event: second.append(event.type))
    assert first == second == ["a", "b", "c"]
    assert events.deliver(services.db, "one", lambda _event: None) == 0
    with services.db.read() as session:
        assert [event.type for event in events.since(session, 1, "s")] == ["b", "c"]
        assert events.since(session, 0, "other") == []


def test_a_handler_that_fails_sees_its_event_again(services: Services) -> None:
    publish(services, "a", "b")
    seen: list[str] = []

    def handle(event: events.Event) -> None:
        seen.append(event.type)
        if seen == ["a", "b"]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        events.deliver(services.db, "one", handle)
    events.deliver(services.db, "one", handle)
    assert seen == ["a", "b", "b"]


def test_an_event_falls_with_its_change(services: Services) -> None:
    def change() -> None:
        with services.db.write() as session:
            events.publish(session, services.clock, stream="s", type="a", payload={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert events.deliver(services.db, "one", lambda _event: None) == 0


def test_same_key_is_the_same_job(services: Services) -> None:
    with services.db.write() as session:
        first = jobs.enqueue(session, services.clock, "k", "key", {"a": 1, "b": 2})
        assert jobs.enqueue(session, services.clock, "k", "key", {"b": 2, "a": 1}) == first
        for kind, payload in (("k", {"a": 2}), ("other", {"a": 1, "b": 2})):
            with pytest.raises(Refused):
                jobs.enqueue(session, services.clock, kind, "key", payload)
        assert jobs.jobs(session, kind="k", state=JobState.QUEUED) == [first]
        with pytest.raises(NotFound):
            jobs.get(session, "none")


def test_cancel_and_retry_of_a_waiting_job(services: Services) -> None:
    with services.db.write() as session:
        jobs.enqueue(session, services.clock, "k", "key", {})
        with pytest.raises(Refused):
            jobs.retry(session, "key")
        assert jobs.cancel(session, services.clock, "key").state is JobState.CANCELLED
        assert jobs.to_dispatch(session) == []
        assert jobs.retry(session, "key").state is JobState.QUEUED
        (round_two,) = jobs.to_dispatch(session)
        assert round_two.workflow_id == "key~2"
        jobs.mark_dispatched(session, round_two)
        assert jobs.dispatched(session) == [round_two]


def test_an_older_round_may_not_write(services: Services) -> None:
    with services.db.write() as session:
        jobs.enqueue(session, services.clock, "k", "key", {})
        old = Dispatch("key", 1)
        jobs.begin(session, services.clock, old)
        jobs.redispatch(session, old)
        with pytest.raises(JobStopped):
            jobs.owned(session, old)
        jobs.end(session, services.clock, old, JobState.DONE, result={"stale": True})
        assert jobs.get(session, "key").state is JobState.RUNNING
        assert jobs.begin(session, services.clock, Dispatch("key", 2)).attempts == 2
        jobs.cancel(session, services.clock, "key")
        with pytest.raises(JobStopped):
            jobs.begin(session, services.clock, Dispatch("key", 2))
        jobs.end(session, services.clock, Dispatch("key", 2), JobState.CANCELLED)
        assert jobs.cancel(session, services.clock, "key").state is JobState.CANCELLED
