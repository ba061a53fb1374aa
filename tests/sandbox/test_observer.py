from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import upgrade
from nps_connect.ledger.tables import ContactRow, InvitationRow, PageViewRow, RawRequest
from nps_connect.sandbox.ledger_observer import LedgerObserver

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/nps.db"


@pytest.fixture
def ledger(url):
    ledger = Ledger(url)
    upgrade(ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def observer(url, ledger):
    observer = LedgerObserver(url)
    yield observer
    observer.close()


def keep(ledger, *rows):
    with ledger.write() as session:
        for row in rows:
            session.add(row)
            session.flush()


def contact(number):
    return ContactRow(
        id=number, connection="crm", vendor_id=str(number), email=f"c{number}@example.com", record={}, seen_at=NOW
    )


def invitation(number, state):
    return InvitationRow(
        id=number,
        survey="after-purchase",
        touchpoint="purchase",
        trigger="t",
        contact_id=number,
        language="fr",
        state=state,
        created_at=NOW,
        due_at=NOW,
        expires_at=NOW,
    )


def request(state, known):
    return RawRequest(
        queue_name="crm/parse",
        state=state,
        due_at=NOW,
        connection="crm",
        method="POST",
        url="https://nps.example.com/hooks/crm",
        headers={},
        body=b"[]",
        received_at=NOW,
        events_duplicate=known,
    )


def test_an_empty_ledger_has_nothing_to_tell(observer):
    assert (observer.unfinished(), observer.duplicates(), observer.visits("x"), observer.planned([])) == (0, 0, 0, 0)


def test_planned_surveys_are_counted_for_the_people_asked_about(ledger, observer):
    keep(ledger, contact(1), contact(2), contact(3))
    keep(ledger, invitation(1, "planned"), invitation(2, "sent"), invitation(3, "planned"))
    assert observer.planned(["c1@example.com", "c2@example.com"]) == 1


def test_duplicates_are_summed_and_waiting_webhooks_counted(ledger, observer):
    keep(ledger, request("succeeded", 2), request("succeeded", 3), request("pending", 0), request("running", 0))
    assert observer.duplicates() == 5
    assert observer.unfinished() == 2


def test_visits_are_counted_by_who_came(ledger, observer):
    keep(
        ledger,
        *(PageViewRow(purpose="survey", method="GET", at=NOW, agent=agent) for agent in ("robot", "phone", "robot")),
    )
    assert observer.visits("robot") == 2
