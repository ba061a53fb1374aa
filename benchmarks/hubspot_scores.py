"""Scores at full speed: 10,000 score updates to a simulated portal that enforces 190 calls in 10 s.

Time is the portal's clock (sleeping advances it), so that only the quota sets the pace. CPU time is real and excludes
the simulated portal.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import process_time

import nps_connect_hubspot as plugin
from nps_connect import Contact, RateLimited, Response, ScoreUpdate, SimulatedPerson
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.quotas import LedgerRateLimiter
from nps_connect.ledger.schema import create
from nps_connect.testing import FixedClock, connect
from nps_connect_hubspot.simulated import Simulated
from nps_connect_hubspot.simulated.vendor import TOKEN

CONTACTS = 10_000
ROUNDS = 5
"""Rounds over all contacts, so that the burst at the start hardly counts."""

BATCH = 100
QUOTA = 190


class MeteredPortal(Simulated):
    """A portal that measures its own CPU time."""

    vendor_cpu_seconds = 0.0

    def handle(self, request):
        began = process_time()
        try:
            return super().handle(request)
        finally:
            self.vendor_cpu_seconds += process_time() - began


def measure() -> Iterator[tuple[str, int, float]]:
    """Return contacts per second of the portal's clock, and per second of CPU time."""
    clock = FixedClock()
    vendor = MeteredPortal(clock)
    people = [SimulatedPerson(f"p{number}@example.com", "P", "fr") for number in range(CONTACTS)]
    for person in people:
        vendor.portal.create("contacts", {"email": person.email}, clock())
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'bench.db'}", create=True)
        create(ledger)
        rate_limiter = LedgerRateLimiter(ledger, clock)
        settings = {"access_token": TOKEN, "calls_per_ten_seconds": QUOTA}
        connection = connect(plugin, settings, vendor, rate_limiter=rate_limiter)
        plugin.nps_apply_setup(connection, plugin.nps_plan_setup(connection))
        clock.forward(timedelta(seconds=20))
        began, working = clock(), process_time() - vendor.vendor_cpu_seconds
        for _ in range(ROUNDS):
            _write_all(connection, vendor, clock)
        elapsed, worked = (clock() - began).total_seconds(), process_time() - vendor.vendor_cpu_seconds - working
        ledger.close()
    count = CONTACTS * ROUNDS
    ideal = count / (QUOTA / 10 * BATCH)
    refused = vendor.quotas.refused
    what = f"scores written, {ideal / elapsed:.1%} of the quota, {refused} refused, {worked / elapsed:.0%} of one core"
    yield what, count, elapsed
    yield "processor time for these scores", count, worked


def _write_all(connection, vendor, clock) -> None:
    ids = list(vendor.portal.records["contacts"])
    for start in range(0, len(ids), BATCH):
        updates = [_update(contact_id, clock) for contact_id in ids[start : start + BATCH]]
        while True:
            try:
                plugin.nps_write_scores(connection, updates)
                break
            except RateLimited as error:
                clock.sleep((error.until - clock()).total_seconds())


def _update(contact_id: str, clock) -> ScoreUpdate:
    return ScoreUpdate(
        idempotency_key=contact_id,
        contact=Contact(connection="crm", id=contact_id),
        response=Response(
            id=f"r-{contact_id}",
            revision=1,
            survey="after-purchase",
            touchpoint="purchase",
            score=int(contact_id) % 11,
            language="fr",
            answered_at=clock(),
        ),
    )
