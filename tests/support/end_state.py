"""The verification after a fault test: vendors, mailbox and ledger are compared with what had to happen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select
from sqlmodel import col
from support.load_generator import LoadGenerator, is_survey_mail

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import AttemptRow, ContactRow, DeliveryRow, EventRow, RawRequest, ResponseRow
from nps_connect.sandbox.demo import Demo
from nps_connect.sandbox.ledger_observer import ACTIVE_STATES, LedgerObserver

IDLE_TIMEOUT_SECONDS = 180.0
"""The longest time in which no work is finished; a machine with other work may need longer for all of it."""


@dataclass(frozen=True)
class EndState:
    """The verified numbers of a fault test.

    Attributes:
        people: the number of customers to whom an event happened.
        mails: the number of survey mails that arrived.
        held: the number of survey mails whose outcome is unknown and that are listed for the operator.
        held_arrived: how many of them did arrive.
        responses: the number of customers who responded.
        tickets: the number of tickets at the helpdesk.
    """

    people: int
    mails: int
    held: int
    held_arrived: int
    responses: int
    tickets: int


def wait_until_idle(load_generator: LoadGenerator, database_url: str, seconds: float) -> None:
    """Wait until no work is unfinished and no customer is responding; fail if none is finished for this long."""
    observer, idle_checks = LedgerObserver(database_url), 0
    deadline, last = time.monotonic() + seconds, (0, 0)
    try:
        while idle_checks < 3:
            unfinished = (observer.count_unfinished(), load_generator.count_pending_responses())
            idle_checks = 0 if any(unfinished) else idle_checks + 1
            if unfinished != last:
                deadline, last = time.monotonic() + seconds, unfinished
            assert time.monotonic() < deadline, f"no progress for {seconds} s: {_unfinished_rows(database_url)}"
            time.sleep(0.15)
    finally:
        observer.close()


def verify_end_state(demo: Demo, load_generator: LoadGenerator, database_url: str, held_ids: set[int]) -> EndState:
    """Verify that nothing was lost and nothing happened twice; a failed assertion names the difference.

    Args:
        demo: the product and its vendors.
        load_generator: the load that was created.
        database_url: the address of the ledger.
        held_ids: the ids of the held deliveries that the product lists for its operator.
    """
    people = {customer.email for customer in load_generator.affected_customers}
    surveys, reviews = mails_by_recipient(demo, people)
    rows = _deliveries(database_url)
    survey_rows = {email: row for email, row in rows if row.action == "send_survey"}
    invited = Counter(email for email, row in rows if row.action == "send_survey")
    assert set(invited) == people, f"not invited: {people - set(invited)}, and unexpected: {set(invited) - people}"
    assert set(invited.values()) <= {1}, "one survey per customer"
    repeated = [
        (email, _mail_attempts(database_url, email)) for email, number in (surveys | reviews).items() if number > 1
    ]
    assert not repeated, f"no mail arrives twice: {repeated}"
    held = {email for email, row in survey_rows.items() if row.state == "held"}
    assert {row.state for row in survey_rows.values()} <= {"succeeded", "held"}
    assert people - set(surveys) <= held, "a mail that did not arrive is held and listed"
    assert {row.id for _, row in rows if row.state == "held"} == held_ids
    assert {row.action for _, row in rows if row.state == "held"} <= {"send_survey", "invite_review"}
    assert not [(email, row.action, row.last_error) for email, row in rows if row.state in ("dead", "pending")]

    scores = dict(load_generator.scores)
    assert not held.intersection(scores), "a mail that was answered has been sent: it is not left to the operator"
    assert stored_scores(database_url) == scores, "every response is stored"
    assert written_scores(demo, scores) == scores, "each contact has the newest score"
    detractors = {email for email, score in scores.items() if score <= 6}
    tickets = tickets_by_email(demo)
    assert tickets == dict.fromkeys(detractors, 1), "one ticket per detractor and none for others"
    review_invited = {email for email, row in rows if row.action == "invite_review" and row.state != "cancelled"}
    assert review_invited == set(scores), "every customer who responded gets a review invitation"
    alerted = {email for email, row in rows if row.action == "send_alert" and row.state == "succeeded"}
    assert alerted == detractors
    return EndState(len(people), len(surveys), len(held), len(held.intersection(surveys)), len(scores), len(tickets))


def mails_by_recipient(demo: Demo, people: set[str]) -> tuple[Counter[str], Counter[str]]:
    """Return the numbers of survey mails and of review mails by address."""
    surveys, reviews = Counter[str](), Counter[str]()
    for mail in demo.sandbox.mailbox.mails():
        (surveys if is_survey_mail(mail, demo.public_url) else reviews).update(people.intersection(mail.to))
    return surveys, reviews


def written_scores(demo: Demo, emails: Iterable[str]) -> dict[str, int | None]:
    """Return the scores on the contacts at the vendor; None for a contact without one."""
    assert demo.capabilities.scores is not None
    scores = demo.sandbox.effects(demo.capabilities.scores).scores
    return {email: scores.get(email) for email in emails}


def tickets_by_email(demo: Demo) -> dict[str, int]:
    """Return the numbers of tickets at the helpdesk by address."""
    assert demo.capabilities.tickets is not None
    return {email: len(ids) for email, ids in demo.sandbox.effects(demo.capabilities.tickets).tickets.items() if ids}


def held_surveys(database_url: str) -> set[str]:
    """Return the addresses of held survey mails."""
    rows = _deliveries(database_url)
    return {email for email, row in rows if (row.action, row.state) == ("send_survey", "held")}


def _deliveries(database_url: str) -> Sequence[Row[tuple[str, DeliveryRow]]]:
    query = select(ContactRow.email, DeliveryRow).join(ContactRow, col(ContactRow.id) == col(DeliveryRow.contact_id))
    return _fetch_all(database_url, query)


def _mail_attempts(database_url: str, email: str) -> list[tuple[object, ...]]:
    """Return every attempt to send a mail to an address."""
    mails = ("send_survey", "invite_review")
    query = (
        select(DeliveryRow.action, DeliveryRow.state, DeliveryRow.id, AttemptRow.outcome, AttemptRow.started_at)
        .join(ContactRow, col(ContactRow.id) == col(DeliveryRow.contact_id))
        .outerjoin(AttemptRow, col(AttemptRow.delivery_id) == col(DeliveryRow.id))
        .where(col(ContactRow.email) == email, col(DeliveryRow.action).in_(mails))
    )
    return [tuple(row) for row in _fetch_all(database_url, query)]


def _unfinished_rows(database_url: str) -> list[tuple[object, ...]]:
    """Return the rows of work that is neither finished nor dead."""
    return [
        (table.__tablename__, *row)
        for table in (RawRequest, EventRow, DeliveryRow)
        for row in _fetch_all(
            database_url,
            select(table.queue_name, table.state, table.due_at, table.attempts, table.last_error).where(
                col(table.state).in_(ACTIVE_STATES)
            ),
        )
    ]


def stored_scores(database_url: str) -> dict[str | None, int]:
    """Return the newest scores in the ledger by address; erased people have none."""
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
