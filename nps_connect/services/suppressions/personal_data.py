"""The register of personal data: for each table, which rows concern a person, and what an erasure empties.

A table that is missing here holds no personal data; a test compares the register with the schema, column by column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, bindparam, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.columns import Base
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.pauses import BreakerRow, PauseRow
from nps_connect.ledger.review_report import ReviewLinkStateRow, ReviewTallyRow
from nps_connect.ledger.review_requests import ReviewRequestRow
from nps_connect.ledger.subjects import EventSubjectRow
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
    RawRequest,
    ResponseRow,
    RevisionRow,
)
from nps_connect.ledger.workers import JobRow

ERASED_TEXT = "erased with the contact"
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_KEPT_EVENT_FIELDS = ("key", "kind", "object_id", "occurred_at")


class DataSubjects(NamedTuple):
    """People whose data is exported or erased, and by what it is found.

    Attributes:
        contact_ids: their contacts, with those that were merged into them.
        event_ids: events that concern or name them.
        mailboxes: hashes of their addresses.
        subjects: of contacts, mailboxes and vendor ids, see `ledger.subjects`.
        names: addresses and full names, in lower case: a text with one of them names a person.
        object_ids: ids of the contacts and of the objects of their events at the vendor, in lower case.
    """

    contact_ids: list[int]
    event_ids: list[int]
    mailboxes: list[str]
    subjects: list[str]
    names: frozenset[str]
    object_ids: frozenset[str]


@dataclass(frozen=True)
class PersonalTable:
    """A table that holds personal data.

    Attributes:
        table: the table.
        concerns: the condition on rows that concern people; its parameters are the lists of `DataSubjects`.
        emptied: the columns that an erasure changes, with their new value or a function of the old one.
        is_about: a further check of a row, where SQL cannot tell whether it concerns the people.
    """

    table: type[Base]
    concerns: ColumnElement[bool]
    emptied: Mapping[str, Any] = field(default_factory=dict)
    is_about: Callable[[Any, DataSubjects], bool] = lambda _row, _people: True

    def export_person(self, session: Session, people: DataSubjects) -> list[dict[str, Any]]:
        """Return the rows that concern people, JSON-ready, without binary columns and lease tokens.

        The body of a webhook is binary: it can hold events of other people.
        """
        columns = self.table.__table__.c
        names = [c.name for c in columns if c.name != "lease_token" and not isinstance(c.type, LargeBinary)]
        return [{name: _json_value(getattr(row, name)) for name in names} for row in self._find(session, people)]

    def erase_person(self, session: Session, people: DataSubjects) -> None:
        """Empty the rows that concern people."""
        if not self.emptied:
            return
        target = self.table.__table__
        keys = [column.name for column in target.primary_key]
        values = [
            {f"of_{key}": getattr(row, key) for key in keys}
            | {f"to_{name}": new(getattr(row, name)) if callable(new) else new for name, new in self.emptied.items()}
            for row in self._find(session, people)
        ]
        if values:
            emptied = {name: bindparam(f"to_{name}", type_=target.c[name].type) for name in self.emptied}
            statement = update(target).where(*(target.c[key] == bindparam(f"of_{key}") for key in keys))
            session.connection().execute(statement.values(emptied), values)

    def _find(self, session: Session, people: DataSubjects) -> Iterator[Any]:
        query = select(self.table.__table__).where(self.concerns).execution_options(yield_per=500)
        lists = {name: value for name, value in people._asdict().items() if isinstance(value, list)}
        for row in session.connection().execute(query, lists):
            if self.is_about(row, people):
                yield row


def redact_event_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's record with ids only: no address, no name, no fields."""
    key = record.get("contact_key")
    contacts = [{"connection": ref["connection"], "id": ref["id"]} for ref in record.get("contacts") or []]
    kept = {name: record[name] for name in _KEPT_EVENT_FIELDS}
    return kept | {"contact_key": key if key and key["kind"] != "email" else None, "contacts": contacts}


def mentions(people: DataSubjects, text: str) -> bool:
    """Return whether a text names one of the people."""
    lowered = text.lower()
    return any(name in lowered for name in people.names)


def _in_text(*columns: str) -> Callable[[Any, DataSubjects], bool]:
    """Return the check that one of these columns names one of the people."""

    def is_about(row: Any, people: DataSubjects) -> bool:  # noqa: ANN401  # a row of any table
        values = (getattr(row, name) for name in columns)
        return any(
            mentions(people, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for value in values
            if value
        )

    return is_about


def _in_webhook(row: Any, people: DataSubjects) -> bool:  # noqa: ANN401  # a row of `raw_requests`
    """Return whether a value in a stored webhook is the name, address or id of one of the people or their objects."""
    try:
        values = set(_scalars(json.loads(row.body)))
    except (ValueError, RecursionError):
        return mentions(people, row.body.decode(errors="replace"))
    for text in [value for value in values if "@" in value]:
        values.update(_ADDRESS.findall(text))
    return not values.isdisjoint(people.names | people.object_ids)


def _scalars(value: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    """Return the texts and numbers in a JSON value, in lower case."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _scalars(item)
    elif value is not None:
        yield str(value).lower()


def _or_erased(text: str | None) -> str | None:
    return ERASED_TEXT if text else text


def _without_problem(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a delivery without the text of an alarm, which quotes errors of vendors."""
    return {name: ERASED_TEXT if name == "problem" else value for name, value in options.items()}


def _without_failure(memo: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a job without the failure that it shows."""
    return {name: value for name, value in memo.items() if name != "failure"}


def _json_value(value: Any) -> Any:  # noqa: ANN401  # of any column
    return value.isoformat() if isinstance(value, datetime | date) else value


def _of_contacts(column: Any) -> ColumnElement[bool]:  # noqa: ANN401
    return in_list(column, "contact_ids")


_INVITATION_IDS = select(col(InvitationRow.id)).where(_of_contacts(InvitationRow.contact_id))
_RESPONSE_IDS = select(col(ResponseRow.id)).where(_of_contacts(ResponseRow.contact_id))
_DELIVERY_IDS = select(col(DeliveryRow.id)).where(_of_contacts(DeliveryRow.contact_id))
_DELIVERY_TEXTS = {"last_error": _or_erased, "options": _without_problem}

STORED_REQUESTS = PersonalTable(
    RawRequest,
    col(RawRequest.state).not_in(("pending", "running")) & (col(RawRequest.body) != b""),
    {"body": b"", "headers": {}, "last_error": _or_erased},
    _in_webhook,
)
"""Webhooks that are processed; those that are not yet are emptied after that, see `services.intake.parse`."""

PERSONAL_TABLES = (
    STORED_REQUESTS,
    PersonalTable(
        EventRow, in_list(col(EventRow.id), "event_ids"), {"record": redact_event_record, "last_error": _or_erased}
    ),
    PersonalTable(EventSubjectRow, in_list(col(EventSubjectRow.subject), "subjects")),
    PersonalTable(
        DecisionRow,
        or_(_of_contacts(DecisionRow.contact_id), in_list(col(DecisionRow.event_id), "event_ids")),
        {"detail": ERASED_TEXT, "previous_decisions": None},
    ),
    PersonalTable(InvitationRow, _of_contacts(InvitationRow.contact_id), {"reason": _or_erased}),
    PersonalTable(
        PageViewRow,
        or_(col(PageViewRow.invitation_id).in_(_INVITATION_IDS), col(PageViewRow.response_id).in_(_RESPONSE_IDS)),
        {"address": None, "agent": None},
    ),
    PersonalTable(ResponseRow, _of_contacts(ResponseRow.contact_id), {"comment": None, "follow_up": []}),
    PersonalTable(RevisionRow, col(RevisionRow.response_id).in_(_RESPONSE_IDS), {"comment": None, "follow_up": []}),
    PersonalTable(
        DeliveryRow,
        _of_contacts(DeliveryRow.contact_id),
        {"payload": None, "hold_detail": None, "receipt_note": None, **_DELIVERY_TEXTS},
    ),
    PersonalTable(  # notices to staff
        DeliveryRow, col(DeliveryRow.contact_id).is_(None), _DELIVERY_TEXTS, _in_text("options", "last_error")
    ),
    PersonalTable(AttemptRow, col(AttemptRow.delivery_id).in_(_DELIVERY_IDS), {"message": None, "exchange": None}),
    PersonalTable(CaseRow, _of_contacts(CaseRow.contact_id), {"owner": None}),
    PersonalTable(CooldownRow, in_list(col(CooldownRow.subject), "subjects")),
    PersonalTable(ReviewRequestRow, in_list(col(ReviewRequestRow.subject), "subjects")),
    PersonalTable(ReviewLinkStateRow, _of_contacts(ReviewLinkStateRow.contact_id)),
    PersonalTable(ReviewTallyRow, _of_contacts(ReviewTallyRow.contact_id)),
    PersonalTable(SuppressionRow, in_list(col(SuppressionRow.subject), "subjects")),
    PersonalTable(
        BounceRow,
        or_(_of_contacts(BounceRow.contact_id), in_list(col(BounceRow.mailbox), "mailboxes")),
        {"detail": ERASED_TEXT},
    ),
    PersonalTable(AuditRow, col(AuditRow.reason).is_not(None), {"reason": ERASED_TEXT}, _in_text("reason")),
    PersonalTable(PauseRow, col(PauseRow.reason) != "", {"reason": ERASED_TEXT}, _in_text("reason")),
    PersonalTable(BreakerRow, col(BreakerRow.reason).is_not(None), {"reason": ERASED_TEXT}, _in_text("reason")),
    PersonalTable(
        JobRow,
        col(JobRow.id).is_not(None),
        {"memo": _without_failure, "last_error": _or_erased},
        _in_text("memo", "last_error"),
    ),
    PersonalTable(
        ContactRow,
        _of_contacts(ContactRow.id),
        {"email": None, "mailbox": None, "name": None, "language": None, "record": {}},
    ),
)
"""In the order of an erasure; a table may have several entries."""
