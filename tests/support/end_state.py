"""The accounts after a load_generator: what the vendors, the mailbox and the ledger hold, against what had to happen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select
from sqlmodel import col
from support.load_generator import LoadGenerator, is_survey_mail

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import AttemptRow, ContactRow, DeliveryRow, EventRow, RawRequest, ResponseRow
from nps_connect.sandbox.demo import Demo
from nps_connect.sandbox.ledger_observer import UNFINISHED_STATES, LedgerObserver

IDLE_TIMEOUT_SECONDS = 180.0


@dataclass(frozen=True)
class EndState:
    """How much of everything there was.

    Attributes:
        people: to whom something happened.
        mails: survey mails that arrived.
        held: survey mails of which nobody can know whether they did, and which are listed for the operator.
        answers: people who answered.
        tickets: tickets at the helpdesk.
    """

    people: int
    mails: int
    held: int
    answers: int
    tickets: int


def wait_until_idle(load_generator: LoadGenerator, database_url: str, seconds: float) -> None:
    """Wait until nothing is left to do and nobody is about to answer."""
    observer, deadline, quiet = LedgerObserver(database_url), time.monotonic() + seconds, 0
    try:
        while quiet < 3:
            quiet = 0 if observer.unfinished() or load_generator.answering() else quiet + 1
            assert time.monotonic() < deadline, f"left after {seconds} s: {_unfinished_rows(database_url)}"
            time.sleep(0.15)
    finally:
        observer.close()


def verify_end_state(demo: Demo, load_generator: LoadGenerator, database_url: str, listed: set[int]) -> EndState:
    """Compare everything; whatever is lost or happened twice fails an assertion that names it.

    Args:
        demo: the product and its vendors.
        load_generator: what happened.
        database_url: of the ledger.
        listed: ids of the held deliveries, as the product lists them for its operator.
    """
    people = {one.email for one in load_generator.affected_customers}
    surveys, reviews = _mails_by_recipient(demo, people)
    rows = _deliveries(database_url)
    sent = {email: row for email, row in rows if row.action == "send_survey"}
    invited = Counter(email for email, row in rows if row.action == "send_survey")
    assert set(invited) == people, f"not invited: {people - set(invited)}, and unknown: {set(invited) - people}"
    assert set(invited.values()) <= {1}, "one survey each"
    twice = [(email, _attempts_of(database_url, email)) for email, number in (surveys | reviews).items() if number > 1]
    assert not twice, f"no mail arrives twice: {twice}"
    held = {email for email, row in sent.items() if row.state == "held"}
    assert {row.state for row in sent.values()} <= {"succeeded", "held"}
    assert people - set(surveys) <= held, "who got no mail is held and listed"
    assert {row.id for _, row in rows if row.state == "held"} == listed
    assert {row.action for _, row in rows if row.state == "held"} <= {"send_survey", "invite_review"}
    assert not [(email, row.action, row.last_error) for email, row in rows if row.state in ("dead", "pending")]

    scores = dict(load_generator.scores)
    assert _stored_scores(database_url) == scores, "every answer is kept"
    seen = {name: vendor.effects() for name, vendor in demo.sandbox.vendors.items()}
    assert demo.capabilities.scores is not None
    assert {email: seen[demo.capabilities.scores].scores.get(email) for email in scores} == scores, (
        "the newest score stands"
    )
    assert demo.capabilities.tickets is not None
    detractors = {email for email, score in scores.items() if score <= 6}
    tickets = {email: len(ids) for email, ids in seen[demo.capabilities.tickets].tickets.items() if ids}
    assert tickets == dict.fromkeys(detractors, 1), "one ticket for each detractor, and none for anybody else"
    asked = {email for email, row in rows if row.action == "invite_review" and row.state != "cancelled"}
    assert asked == set(scores), "everybody who answered is asked for a review"
    alerted = {email for email, row in rows if row.action == "send_alert" and row.state == "succeeded"}
    assert alerted == detractors
    return EndState(len(people), len(surveys), len(held), len(scores), len(tickets))


def _mails_by_recipient(demo: Demo, people: set[str]) -> tuple[Counter[str], Counter[str]]:
    """Survey mails and review mails by address."""
    surveys, reviews = Counter[str](), Counter[str]()
    for mail in demo.sandbox.mailbox.mails():
        (surveys if is_survey_mail(mail, demo.public_url) else reviews).update(people.intersection(mail.to))
    return surveys, reviews


def _deliveries(database_url: str) -> Sequence[Row[tuple[str, DeliveryRow]]]:
    query = select(ContactRow.email, DeliveryRow).join(ContactRow, col(ContactRow.id) == col(DeliveryRow.contact_id))
    return _fetch_all(database_url, query)


def _attempts_of(database_url: str, email: str) -> list[tuple[object, ...]]:
    """Every try of a mail to somebody."""
    mails = ("send_survey", "invite_review")
    query = (
        select(DeliveryRow.action, DeliveryRow.state, DeliveryRow.id, AttemptRow.outcome, AttemptRow.started_at)
        .join(ContactRow, col(ContactRow.id) == col(DeliveryRow.contact_id))
        .outerjoin(AttemptRow, col(AttemptRow.delivery_id) == col(DeliveryRow.id))
        .where(col(ContactRow.email) == email, col(DeliveryRow.action).in_(mails))
    )
    return [tuple(row) for row in _fetch_all(database_url, query)]


def _unfinished_rows(database_url: str) -> list[tuple[object, ...]]:
    """Work that is neither done nor given up."""
    return [
        (table.__tablename__, *row)
        for table in (RawRequest, EventRow, DeliveryRow)
        for row in _fetch_all(
            database_url,
            select(table.queue_name, table.state, table.due_at, table.attempts, table.last_error).where(
                col(table.state).in_(UNFINISHED_STATES)
            ),
        )
    ]


def _stored_scores(database_url: str) -> dict[str, int]:
    query = select(ContactRow.email, ResponseRow.score).join(
        ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id)
    )
    return dict(_fetch_all(database_url, query.where(col(ResponseRow.revision) > 0)))  # type: ignore[arg-type]


def _fetch_all(database_url: str, query: object) -> Sequence[Row]:  # type: ignore[type-arg]
    ledger = Ledger(database_url)
    try:
        with ledger.read() as session:
            return session.execute(query).all()  # type: ignore[call-overload,no-any-return]
    finally:
        ledger.close()
