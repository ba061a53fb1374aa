"""Links of a database that is gone (a backup was restored, or a new one has the same key) act for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.asgi import AsgiClient
from support.postgres import empty_database
from support.sqlite_files import close_database, copy_database

from nps_connect.ledger.review_report import ReviewLinkStateRow
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import (
    ContactRow,
    DecisionRow,
    DeliveryRow,
    InvitationRow,
    PageViewRow,
    ResponseRow,
    RevisionRow,
)
from nps_connect.web.app import create_app

URL = "https://nps.example.com"
REMINDED = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}
OLD_PEOPLE = {"1": "old-1@example.com", "2": "old-2@example.com", "3": "old-3@example.com"}
OTHER_PEOPLE = {"11": "other-1@example.com", "12": "other-2@example.com", "13": "other-3@example.com"}
TABLES = (
    ContactRow,
    InvitationRow,
    ResponseRow,
    RevisionRow,
    DeliveryRow,
    PageViewRow,
    SuppressionRow,
    ReviewLinkStateRow,
)


@pytest.fixture
def restore(ledger, database_url, tmp_path) -> Callable[[], None]:
    """A function that puts the database back: SQLite from a copy of its file, PostgreSQL to an empty schema."""
    if not ledger.is_sqlite:
        return lambda: (ledger.close(), empty_database(database_url))
    backup, path = tmp_path / "backup.db", Path(ledger.engine.url.database)
    close_database(ledger)
    copy_database(path, backup)
    return lambda: (ledger.close(), copy_database(backup, path))


def survey_people(application: ApplicationHarness, people: dict[str, str]) -> None:
    """Run the deals of several people up to the survey mail."""
    for person, email in people.items():
        application.crm.knows(person, email)
        application.webhook(application.won(person))
        application.run()
    application.clock.forward("3d")
    application.run()


def answer_all(application: ApplicationHarness, people: dict[str, str]) -> list[str]:
    """Submit a 9 for each person; returns the links of their mails and pages."""
    links = []
    for email in people.values():
        survey, unsubscribe = application.token(email), application.token(email, "u")
        page = application.answer(survey, 9)
        links += [f"/s/{survey}", f"/u/{unsubscribe}", f"/r/{application.review_token(page)}"]
    application.clock.forward("2h")
    application.run()
    return [*links, *(f"/r/{application.token(email, 'r')}" for email in people.values())]


def open_links(application: ApplicationHarness, links: Sequence[str]) -> dict[str, set[int]]:
    """Open every link, and submit a 0 or the unsubscribe form through it; returns the statuses by kind of link."""

    async def send_requests() -> dict[str, set[int]]:
        app = create_app(application.backend, clock=application.clock)
        client, statuses = AsgiClient(app), {}
        for link in links:
            body = urlencode({"send": "0"} if link.startswith("/s/") else {"List-Unsubscribe": "One-Click"}).encode()
            opened = await client.status("GET", f"{URL}{link}?score=0" if link.startswith("/s/") else f"{URL}{link}")
            submitted = opened if link.startswith("/r/") else await client.status("POST", f"{URL}{link}", body)
            statuses.setdefault(link[1], set()).update((opened, submitted))
        await app.site.close()
        return statuses

    return asyncio.run(send_requests())


def load_rows(application: ApplicationHarness) -> dict[str, list[dict[str, Any]]]:
    with application.ledger.read() as session:
        return {
            table.__tablename__: [
                row.model_dump()
                for row in session.execute(select(table).order_by(*table.__table__.primary_key.columns)).scalars()
            ]
            for table in TABLES
        }


def test_old_links_have_no_effect_on_anybody_else(ledger, clock, restore):
    before = ApplicationHarness(ledger, clock, REMINDED)
    survey_people(before, OLD_PEOPLE)
    old_links = answer_all(before, OLD_PEOPLE)
    old_rows = load_rows(before)
    restore()
    after = ApplicationHarness(ledger, clock, REMINDED)
    survey_people(after, OTHER_PEOPLE)
    answer_all(after, dict(list(OTHER_PEOPLE.items())[:2]))
    rows = load_rows(after)
    for table in ("contacts", "survey_invitations"):  # without this the test would prove nothing
        assert [row["id"] for row in rows[table]] == [row["id"] for row in old_rows[table]]

    statuses = open_links(after, old_links)
    assert statuses == {"s": {404}, "r": {404}, "u": {200}}
    changed = load_rows(after)
    suppressions = changed.pop("suppressions")
    assert [row["subject"][:2] for row in suppressions] == ["m:"] * len(OLD_PEOPLE)
    assert changed == {name: content for name, content in rows.items() if name != "suppressions"}
    after.clock.forward("4d")
    after.run()
    assert after.crm.opt_outs == []
    assert [mail.to.email for mail in after.post.sent("reminder")] == ["other-3@example.com"]


def test_facts_of_other_people_have_other_delivery_keys_and_ids_at_the_vendors(ledger, clock, restore):
    """A delivery key is the idempotency key at vendors, and gives the Message-ID and the ids by which tickets are found."""
    keys, message_ids, ticket_ids = [], [], []
    for people in (OLD_PEOPLE, OTHER_PEOPLE):
        application = ApplicationHarness(ledger, clock, REMINDED)
        survey_people(application, people)
        first, second, _ = people.values()
        application.answer(application.token(first), 0)
        application.backend.unsubscribe(application.token(second, "u"))
        application.clock.forward("4d")
        application.run()
        keys.append({row.key for row in application.deliveries()})
        assert {row.action for row in application.deliveries()} >= {"send_reminder", "write_opt_out", "open_ticket"}
        message_ids.append({message.message_id for message in application.post.items})
        ticket_ids.append(set(application.desk.tickets))
        restore()
    for old, new in (keys, message_ids, ticket_ids):
        assert old
        assert not old & new


def test_an_old_unsubscribe_link_stops_mail_to_a_person_who_comes_later(ledger, clock, restore):
    before = ApplicationHarness(ledger, clock)
    survey_people(before, OLD_PEOPLE)
    unsubscribe = before.token("old-1@example.com", "u")
    restore()
    after = ApplicationHarness(ledger, clock)
    page = after.backend.unsubscribe_page(unsubscribe)
    assert (page.state, page.mailbox) == ("open", None)
    assert after.backend.unsubscribe(unsubscribe).state == "done"
    assert after.backend.unsubscribe_page(unsubscribe).state == "done"
    after.crm.knows("77", "Old-1@Example.com")
    after.webhook(after.won("77"))
    after.run()
    with ledger.read() as session:
        decision = session.execute(select(DecisionRow)).scalar_one()
    assert (decision.verdict, decision.reason) == ("no", "suppressed")


def test_an_old_unsubscribe_link_reaches_the_contact_that_has_the_mailbox_now(ledger, clock, restore):
    before = ApplicationHarness(ledger, clock)
    survey_people(before, OLD_PEOPLE)
    unsubscribe = before.token("old-3@example.com", "u")
    restore()
    after = ApplicationHarness(ledger, clock)
    survey_people(after, {"3": "old-3@example.com", **OTHER_PEOPLE})
    after.backend.unsubscribe(unsubscribe)
    after.run()
    assert [opt_out.contact.email for opt_out in after.crm.opt_outs] == ["old-3@example.com"]
