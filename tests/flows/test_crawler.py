"""A mail scanner before a thousand mails: it opens links in any order and at any time, and nothing comes of it."""

from __future__ import annotations

import asyncio
import os
import random
import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from support.house import House

from nps_connect.flows.messages import survey
from nps_connect.ledger.bounced import BounceRow
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow, VisitRow
from nps_connect.web.app import create_app

MAILS = 1000
LINKS_OF_A_MAIL = 12
WHOLE = MAILS if os.environ.get("NPS_CONNECT_CRAWL") == "all" else 5
"""Mails of which every link is opened; of the others, one by chance. The whole crawl takes minutes."""


def mails_of(house: House) -> list[str]:
    """A thousand survey mails, as they were sent: their plain text."""
    now, texts = house.clock(), []
    with house.ledger.write() as session:
        for number in range(MAILS):
            record = {"connection": "crm", "id": str(number), "email": f"p{number}@example.com"}
            contact = ContactRow(
                connection="crm", vendor_id=str(number), email=record["email"], record=record, seen_at=now
            )
            session.add(contact)
            session.flush()
            invitation = InvitationRow(
                survey="after-purchase",
                touchpoint="purchase",
                trigger="t",
                contact_id=contact.id,
                language=("fr", "en")[number % 2],
                state="sent",
                created_at=now,
                due_at=now,
                sent_at=now,
                expires_at=now + timedelta(days=60),
            )
            session.add(invitation)
            session.flush()
            row = DeliveryRow(
                key=f"m-{number}",
                lane="mail/send_survey",
                connection="mail",
                action="send_survey",
                due_at=now,
                created_at=now,
            )
            texts.append(survey(house.ctx, row, invitation, contact).text)
    return texts


async def crawl(house: House, links: list[str], chance: random.Random) -> set[int]:
    """Open every link once with HEAD and once with GET, in random order, at random moments."""
    calls = [(method, link) for link in links for method in ("HEAD", "GET")]
    chance.shuffle(calls)
    transport = httpx.ASGITransport(create_app(house.doors, clock=house.clock))
    statuses = set()
    async with httpx.AsyncClient(transport=transport, base_url=house.ctx.settings.core.url) as http:
        for method, link in calls:
            house.clock.forward(timedelta(seconds=chance.choice((0, 0, 0.05, 3, 40))))
            statuses.add((await http.request(method, link)).status_code)
    return statuses


@pytest.fixture
def house(tmp_path, sqlite_template, clock):
    path = tmp_path / "ledger.db"
    path.write_bytes(sqlite_template.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    yield House(ledger, clock)
    ledger.close()


def test_a_crawler_before_a_thousand_mails_confirms_nothing_stops_nothing_and_causes_nothing(house):
    chance = random.Random(11)
    links: list[str] = []
    for number, text in enumerate(mails_of(house)):
        own = sorted(set(re.findall(r"https://nps\.example\.com/[su]/\S+", text)))
        assert len(own) == LINKS_OF_A_MAIL
        links += own if number < WHOLE else [chance.choice(own)]
    assert asyncio.run(crawl(house, links, chance)) == {200}
    house.run()
    with house.ledger.read() as session:

        def count(table, *where):
            return session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()

        assert count(ResponseRow) > 100
        assert count(ResponseRow, ResponseRow.revision > 0) == 0
        assert count(SuppressionRow) == count(BounceRow) == count(DeliveryRow) == 0
        assert count(InvitationRow, InvitationRow.state == "sent") == MAILS
        heads = count(VisitRow, VisitRow.method == "HEAD")
        assert heads == count(VisitRow, VisitRow.signs.like("head%")) > 0
    assert house.post.calls == house.crm.calls == house.desk.calls == house.bell.calls == []
