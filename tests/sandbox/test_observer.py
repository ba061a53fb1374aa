from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import ContactRow, InvitationRow, PageViewRow, RawRequest
from nps_connect.sandbox.ledger_observer import LedgerObserver

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/nps.db"


@pytest.fixture
def ledger(url):
    ledger = Ledger(url, create=True)
    create(ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def observer(url, ledger):
    observer = LedgerObserver(url)
    yield observer
    observer.close()


def insert(ledger, *rows):
    with ledger.write() as session:
        for row in rows:
            session.add(row)
            session.flush()


def build_contact(number):
    return ContactRow(id=number, connection="crm", vendor_id=str(number), email=f"c{number}@example.com", record={})


def build_invitation(number, state):
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


def build_request(state, duplicates):
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
        events_duplicate=duplicates,
    )


def test_an_empty_ledger_has_zero_counts(observer):
    assert (
        observer.count_unfinished(),
        observer.count_duplicates(),
        observer.count_visits("x"),
        observer.count_planned_surveys([]),
    ) == (0, 0, 0, 0)


def test_planned_surveys_are_counted_for_the_given_addresses(ledger, observer):
    insert(ledger, build_contact(1), build_contact(2), build_contact(3))
    insert(ledger, build_invitation(1, "planned"), build_invitation(2, "sent"), build_invitation(3, "planned"))
    assert observer.count_planned_surveys(["c1@example.com", "c2@example.com"]) == 1


def test_duplicates_are_summed_and_pending_and_running_webhooks_are_unfinished(ledger, observer):
    insert(
        ledger,
        build_request("succeeded", 2),
        build_request("succeeded", 3),
        build_request("pending", 0),
        build_request("running", 0),
    )
    assert observer.count_duplicates() == 5
    assert observer.count_unfinished() == 2


def test_visits_are_counted_by_user_agent(ledger, observer):
    insert(
        ledger,
        *(
            PageViewRow(purpose="survey", method="GET", at=NOW, agent=user_agent)
            for user_agent in ("robot", "phone", "robot")
        ),
    )
    assert observer.count_visits("robot") == 2
