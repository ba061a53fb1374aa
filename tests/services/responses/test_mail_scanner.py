"""A mail scanner before a thousand mails: it opens links in any order and at any time, and nothing comes of it."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select
from support.application import ApplicationHarness
from support.asgi import AsgiClient

from nps_connect.ledger.bounces import BounceRow
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.services.deliveries.messages import build_survey_message
from nps_connect.web.app import create_app

MAILS = {"sqlite": 1000, "postgresql": 100}
LINKS_OF_A_MAIL = 12
AT_ONCE = 48


def mails_of(application: ApplicationHarness, number: int) -> list[str]:
    """Survey mails, as they were sent: their plain text."""
    now = application.clock()
    people = [
        ContactRow(
            id=one,
            connection="crm",
            vendor_id=str(one),
            email=f"p{one}@example.com",
            record={"connection": "crm", "id": str(one), "email": f"p{one}@example.com"},
            seen_at=now,
        )
        for one in range(1, number + 1)
    ]
    invitations = [
        InvitationRow(
            id=one.id,
            survey="after-purchase",
            touchpoint="purchase",
            trigger="t",
            contact_id=one.id,
            language=("fr", "en")[one.id % 2],
            state="sent",
            created_at=now,
            due_at=now,
            sent_at=now,
            expires_at=now + timedelta(days=60),
        )
        for one in people
    ]
    with application.ledger.write() as session:
        for rows in (people, invitations):
            session.connection().execute(insert(type(rows[0]).__table__), [row.model_dump() for row in rows])
    handed_over = [
        DeliveryRow(
            key=f"m-{one.id}",
            queue_name="mail/send_survey",
            connection="mail",
            action="send_survey",
            due_at=now,
            created_at=now,
        )
        for one in people
    ]
    return [
        build_survey_message(application.ctx, *mail).text for mail in zip(handed_over, invitations, people, strict=True)
    ]


async def crawl(application: ApplicationHarness, links: list[str], chance: random.Random) -> set[int]:
    """Open every link once with HEAD and once with GET, in random order, at random moments, many at once."""
    calls = [(method, link) for link in links for method in ("HEAD", "GET")]
    chance.shuffle(calls)
    app = create_app(application.backend, clock=application.clock)
    caller = AsgiClient(app)
    statuses = set()
    while calls:
        some, calls = calls[:AT_ONCE], calls[AT_ONCE:]
        application.clock.forward(timedelta(seconds=chance.choice((0, 0, 0.05, 3, 40))))
        statuses |= set(await asyncio.gather(*(caller.status(method, link) for method, link in some)))
    await app.site.close()
    return statuses


@pytest.mark.timeout(300)
def test_a_crawler_before_a_thousand_mails_confirms_nothing_stops_nothing_and_causes_nothing(ledger, clock):
    application, chance = ApplicationHarness(ledger, clock), random.Random(11)
    mails = MAILS[ledger.engine.dialect.name]
    links: list[str] = []
    for text in mails_of(application, mails):
        own = sorted(set(re.findall(r"https://nps\.example\.com/[su]/\S+", text)))
        assert len(own) == LINKS_OF_A_MAIL
        links += own
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
