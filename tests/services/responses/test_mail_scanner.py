"""A scanner that opens every link of a thousand mails, in any order and at any time, has no effect."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select
from support.application import ApplicationHarness
from support.asgi import AsgiClient

from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.services.invitations.actions import build_survey_message
from nps_connect.web.app import create_app

MAILS = {"sqlite": 1000, "postgresql": 100}
LINKS_OF_A_MAIL = 12
CONCURRENCY = 48


def build_mails(application: ApplicationHarness, number: int) -> list[str]:
    """Store sent survey invitations; return the plain text of their mails."""
    now = application.clock()
    contacts = [
        ContactRow(
            id=index,
            connection="crm",
            vendor_id=str(index),
            email=f"p{index}@example.com",
            record={"connection": "crm", "id": str(index), "email": f"p{index}@example.com"},
        )
        for index in range(1, number + 1)
    ]
    invitations = [
        InvitationRow(
            id=contact.id,
            public_id=f"{contact.id:032x}",
            survey="after-purchase",
            touchpoint="purchase",
            trigger="t",
            contact_id=contact.id,
            language=("fr", "en")[contact.id % 2],
            state="sent",
            created_at=now,
            due_at=now,
            sent_at=now,
            expires_at=now + timedelta(days=60),
        )
        for contact in contacts
    ]
    with application.ledger.write() as session:
        for rows in (contacts, invitations):
            session.connection().execute(insert(type(rows[0]).__table__), [row.model_dump() for row in rows])
    deliveries = [
        DeliveryRow(
            key=f"m-{contact.id}",
            queue_name="mail/send_survey",
            connection="mail",
            action="send_survey",
            due_at=now,
            created_at=now,
        )
        for contact in contacts
    ]
    return [
        build_survey_message(application.ctx, *mail).item.text
        for mail in zip(deliveries, invitations, contacts, strict=True)
    ]


async def crawl(application: ApplicationHarness, links: list[str], chance: random.Random) -> set[int]:
    """Open every link once with HEAD and once with GET, in random order, at random times, many in parallel."""
    calls = [(method, link) for link in links for method in ("HEAD", "GET")]
    chance.shuffle(calls)
    app = create_app(application.backend, clock=application.clock)
    client = AsgiClient(app)
    statuses = set()
    while calls:
        batch, calls = calls[:CONCURRENCY], calls[CONCURRENCY:]
        application.clock.forward(timedelta(seconds=chance.choice((0, 0, 0.05, 3, 40))))
        statuses |= set(await asyncio.gather(*(client.status(method, link) for method, link in batch)))
    await app.site.close()
    return statuses


@pytest.mark.timeout(300)
def test_a_scanner_confirms_nothing_unsubscribes_nobody_and_causes_no_delivery(ledger, clock):
    application, chance = ApplicationHarness(ledger, clock), random.Random(11)
    mails = MAILS[ledger.engine.dialect.name]
    links: list[str] = []
    for text in build_mails(application, mails):
        mail_links = sorted(set(re.findall(r"https://nps\.example\.com/[su]/\S+", text)))
        assert len(mail_links) == LINKS_OF_A_MAIL
        links += mail_links
    assert asyncio.run(crawl(application, links, chance)) == {200}
    application.run()
    with ledger.read() as session:

        def count(table, *where):
            return session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()

        assert count(ResponseRow) == mails
        assert count(ResponseRow, ResponseRow.revision > 0) == 0
        assert count(SuppressionRow) == count(BounceRow) == count(DeliveryRow) == 0
        assert count(InvitationRow, InvitationRow.state == "sent") == mails
        assert count(PageViewRow) == mails * 2 * (LINKS_OF_A_MAIL - 1)
        heads = count(PageViewRow, PageViewRow.method == "HEAD")
        assert heads == count(PageViewRow, PageViewRow.bot_signals.like("head%")) > 0
    assert application.post.calls == application.crm.calls == application.desk.calls == application.bell.calls == []
