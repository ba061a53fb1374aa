"""Tickets at full speed: 2,000 tickets in a simulated account that enforces 700 calls a minute.

Time is the account's clock (sleeping advances it), so that only the quota sets the pace; CPU time is real. Every ticket
is for a contact of another vendor: one call finds the requester, one opens the ticket.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import nps_connect_zendesk as plugin
from nps_connect import Contact, RateLimited, Receipt, Response, TicketDraft, VendorReply, VendorRequest
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.quotas import LedgerRateLimiter
from nps_connect.ledger.schema import create
from nps_connect.testing import FixedClock, connect
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import TOKEN

TICKETS = 2_000
CALLS_EACH = 2
QUOTA = 700


class CountingZendesk(Simulated):
    """Counts the calls that exceed the quota."""

    refused = 0

    def handle(self, request: VendorRequest) -> VendorReply:
        reply = super().handle(request)
        self.refused += reply.status == 429
        return reply


def measure() -> Iterator[tuple[str, int, float]]:
    """Return tickets per second of the account's clock, and per second of CPU time."""
    clock = FixedClock()
    vendor = CountingZendesk(clock, requests_per_minute=QUOTA)
    for number in range(TICKETS):
        vendor.account.add_user("P", f"p{number}@example.com")
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'bench.db'}", create=True)
        create(ledger)
        settings = {"subdomain": "exemple", "access_token": TOKEN, "requests_per_minute": QUOTA}
        connection = connect(plugin, settings, vendor, rate_limiter=LedgerRateLimiter(ledger, clock), name="helpdesk")
        began, working = clock(), process_time()
        for number in range(TICKETS):
            _open_ticket(connection, _draft(number, clock), clock)
        elapsed, worked = (clock() - began).total_seconds(), process_time() - working
        ledger.close()
    opened = len(vendor.effects().tickets)
    ideal = TICKETS * CALLS_EACH / QUOTA * 60
    yield f"{opened} tickets opened, {ideal / elapsed:.1%} of the quota, {vendor.refused} refused", opened, elapsed
    yield "processor time for these tickets, simulated account included", opened, worked


def _open_ticket(connection, draft, clock) -> None:
    while True:
        [outcome] = plugin.nps_open_tickets(connection, [draft])
        if isinstance(outcome, Receipt):
            return
        if not isinstance(outcome, RateLimited):
            raise outcome
        clock.sleep((outcome.until - clock()).total_seconds())


def _draft(number: int, clock) -> TicketDraft:
    return TicketDraft(
        idempotency_key=f"case{number}:open_ticket",
        external_id=f"nps-r{number}",
        contact=Contact(connection="crm", id=str(number), email=f"p{number}@example.com", name="P"),
        response=Response(
            id=f"r{number}",
            revision=1,
            survey="after-purchase",
            touchpoint="purchase",
            score=2,
            language="fr",
            answered_at=clock(),
        ),
        subject="NPS 2",
        body="Score: 2",
        priority="urgent",
        tags=("nps",),
    )
