"""`Heartbeat`: renews leases, recovers those of dead workers, and tolerates jumps of the wall clock."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import hookimpl
from nps_connect.ledger import claims, workers
from nps_connect.ledger.observations import load_observations
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.settings.effective import fingerprint
from nps_connect.worker.heartbeat import Heartbeat


class HttpCrm(FakeCrm):
    """A CRM with an HTTP client."""

    @hookimpl
    def nps_connector(self):
        return super().nps_connector().model_copy(update={"base_url": lambda _settings: "https://acme.example.com"})


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    application = ApplicationHarness(ledger, clock)
    for token in [application.surveyed(str(n), f"person{n}@example.com") for n in range(2)]:
        application.answer(token, 0)
    return application


def claim(application, token: str) -> list[DeliveryRow]:
    with application.ledger.write() as session:
        return claims.claim(session, DeliveryRow, "helpdesk/open_ticket", token=token, now=application.clock(), limit=1)


def states(application) -> list[str]:
    with application.ledger.read() as session:
        query = select(DeliveryRow.state).where(DeliveryRow.action == "open_ticket").order_by(DeliveryRow.id)
        return list(session.execute(query).scalars())


@pytest.mark.parametrize("jump", ["8s", "2h"])
def test_live_leases_are_renewed_and_expired_ones_recovered(application, jump):
    heartbeat = Heartbeat(application.ctx, "worker")
    claim(application, "of-a-dead-worker")
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        claim(application, application.ctx.token())
        for _ in range(5):
            application.clock.forward(jump)
            heartbeat.run_once()
    assert states(application) == ["pending", "running"]
    application.clock.forward("31s")
    heartbeat.run_once()
    assert states(application) == ["pending", "pending"]


def test_a_clock_that_jumps_back_neither_delays_nor_duplicates_work(application):
    heartbeat = Heartbeat(application.ctx, "worker")
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        claim(application, application.ctx.token())
        application.clock.now -= timedelta(hours=3)
        heartbeat.run_once()
        assert states(application)[0] == "running"
    application.clock.forward("31s")
    heartbeat.run_once()
    assert states(application)[0] == "pending"


def test_a_thread_without_progress_is_reported_once_and_its_lease_expires(application):
    now, hung_queues = [0.0], []
    application.ctx.leases.monotonic = lambda: now[0]
    heartbeat = Heartbeat(application.ctx, "worker", hung_queues.append)
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        claim(application, application.ctx.token())
        for _ in range(3):
            now[0] += 200
            heartbeat.run_once()
        assert hung_queues == ["helpdesk/open_ticket"]
        application.clock.forward("31s")
        heartbeat.run_once()
    assert states(application) == ["pending", "pending"]


def test_a_process_is_registered_while_it_runs_and_deregistered_on_stop(application):
    heartbeat = Heartbeat(application.ctx, "worker")
    with application.ctx.leases.holding("crm/write_score"):
        heartbeat.run_once()
    with application.ledger.read() as session:
        [row] = workers.load_workers(session)
    assert (row.role, row.queues, row.seen_at) == ("worker", ["crm/write_score"], application.clock())
    heartbeat.stop()
    with application.ledger.read() as session:
        assert workers.load_workers(session) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # about a file
def test_an_idle_process_leaves_a_database_file_that_can_be_copied(application, tmp_path):
    heartbeat = Heartbeat(application.ctx, "run")
    heartbeat.run_once()
    copy = tmp_path / "copy.db"
    copy.write_bytes(application.ledger.file.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT role FROM workers").fetchall() == [("run",)]
    heartbeat.stop()


def test_the_heartbeat_names_the_configuration_that_the_process_runs(application):
    Heartbeat(application.ctx, "worker").run_once()
    with application.ledger.read() as session:
        (row,) = workers.load_workers(session)
    assert row.config_fingerprint == fingerprint(application.ctx.settings)


def test_the_heartbeat_stores_the_last_request_of_another_host(application):
    heartbeat = Heartbeat(application.ctx, "serve")
    heartbeat.run_once()
    seen_at = application.clock()
    application.backend.record_foreign_request(seen_at)
    application.clock.forward("1h")
    heartbeat.run_once()
    with application.ledger.read() as session:
        [row] = load_observations(session, "foreign_request").values()
    assert row.at == seen_at


def test_the_heartbeat_stores_ends_that_a_vendor_announces(ledger, clock):
    transport = httpx.MockTransport(
        lambda _request: httpx.Response(200, json={}, headers={"sunset": "Mon, 01 Mar 2027 00:00:00 GMT"})
    )
    application = ApplicationHarness(ledger, clock, transports={"crm": transport}, acme=HttpCrm())
    application.ctx.connections["crm"].http.call("GET", "/deals", action="poll", idempotent=True)
    Heartbeat(application.ctx, "worker").run_once()
    with ledger.read() as session:
        [(subject, row)] = load_observations(session, "announced_end").items()
    assert (subject, row.detail) == ("crm/poll", {"ends_at": "2027-03-01T00:00:00+00:00"})
