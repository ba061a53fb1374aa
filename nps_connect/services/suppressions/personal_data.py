"""The register of personal data: for each table, which rows concern a person, and what an erasure empties.

A table that is missing here holds no personal data; a test compares the register with the schema, column by column.
The search index of comments has no rows of its own here: the database removes from it what is emptied in `responses`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, bindparam, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger.api_keys import IdempotencyKeyRow
from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.columns import Base
from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.digests import DigestOptOutRow
from nps_connect.ledger.pauses import BreakerRow, PauseRow
from nps_connect.ledger.problems import ProblemRow
from nps_connect.ledger.response_dimensions import ResponseDimensionRow
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
from nps_connect.services.deliveries.customer_mail import MAILBOX_OPTION
from nps_connect.services.notices.staff_notices import RECIPIENT_OPTION
from nps_connect.services.suppressions.data_subjects import (
    DataSubjects,
    in_api_response,
    in_text,
    in_webhook,
    webhook_body,
)

ERASED_TEXT = "details erased with the contact"
_KEPT_EVENT_FIELDS = ("key", "kind", "object_id", "occurred_at")


@dataclass(frozen=True)
class PersonalTable:
    """A table that holds personal data.

    Attributes:
        table: the table.
        concerns: the condition on rows that concern people; its parameters are the lists of `DataSubjects`.
        emptied: the columns that an erasure changes, with their new value or a function of the old one.
        exported: further values of an export by name, as functions of the row.
        is_about: a further check of a row, where SQL cannot tell whether it concerns the people.
    """

    table: type[Base]
    concerns: ColumnElement[bool]
    emptied: Mapping[str, Any] = field(default_factory=dict)
    exported: Mapping[str, Callable[[Any, DataSubjects], Any]] = field(default_factory=dict)
    is_about: Callable[[Any, DataSubjects], bool] = lambda _row, _people: True

    def export_person(self, session: Session, people: DataSubjects) -> list[dict[str, Any]]:
        """Return the rows that concern people, JSON-ready, without binary columns and lease tokens."""
        columns = self.table.__table__.c
        names = [c.name for c in columns if c.name != "lease_token" and not isinstance(c.type, LargeBinary)]
        return [
            {name: _json_value(getattr(row, name)) for name in names}
            | {name: value(row, people) for name, value in self.exported.items()}
            for row in self._find(session, people)
        ]

    def erase_person(self, session: Session, people: DataSubjects) -> int:
        """Empty the rows that concern people; return how many."""
        if not self.emptied:
            return 0
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
        return len(values)

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


def _or_erased(text: str | None) -> str | None:
    return ERASED_TEXT if text else text


def _without_person(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a delivery without a mailbox, and without an alarm that quotes a vendor."""
    kept = {name: value for name, value in options.items() if name not in (MAILBOX_OPTION, RECIPIENT_OPTION)}
    return kept | ({"problem": ERASED_TEXT} if "problem" in kept else {})


def _without_failure(memo: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a job without the failure that it shows."""
    return {name: value for name, value in memo.items() if name != "failure"}


def _is_in_plan(row: Any, people: DataSubjects) -> bool:  # noqa: ANN401  # a row of `approvals`
    """Return whether a plan names or would reach one of the people."""
    contacts = {*row.plan.get("contacts", ()), *row.plan.get("arguments", {}).get("contacts", ())}
    return not contacts.isdisjoint(people.contact_ids)


def _json_value(value: Any) -> Any:  # noqa: ANN401  # of any column
    return value.isoformat() if isinstance(value, datetime | date) else value


def _of_contacts(column: Any) -> ColumnElement[bool]:  # noqa: ANN401
    return in_list(column, "contact_ids")


_INVITATION_IDS = select(col(InvitationRow.id)).where(_of_contacts(InvitationRow.contact_id))
_RESPONSE_IDS = select(col(ResponseRow.id)).where(_of_contacts(ResponseRow.contact_id))
_DELIVERY_IDS = select(col(DeliveryRow.id)).where(_of_contacts(DeliveryRow.contact_id))
_CASE_IDS = select(col(CaseRow.id)).where(_of_contacts(CaseRow.contact_id))
_IMPORTED_TEXTS: dict[str, Any] = {"follow_up": [], "tags": None, "notes": None}
_DELIVERY_TEXTS = {"last_error": _or_erased, "options": _without_person}

STORED_REQUESTS = PersonalTable(
    RawRequest,
    col(RawRequest.state).not_in(("pending", "running")) & (col(RawRequest.body) != b""),
    {"body": b"", "headers": {}, "last_error": _or_erased},
    {"body": webhook_body},
    in_webhook,
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
    PersonalTable(InvitationRow, _of_contacts(InvitationRow.contact_id), {"reason": _or_erased, "mailbox": None}),
    PersonalTable(
        PageViewRow,
        or_(col(PageViewRow.invitation_id).in_(_INVITATION_IDS), col(PageViewRow.response_id).in_(_RESPONSE_IDS)),
        {"address": None, "agent": None},
    ),
    PersonalTable(ResponseRow, _of_contacts(ResponseRow.contact_id), {"comment": None, **_IMPORTED_TEXTS}),
    PersonalTable(CommentThemeRow, col(CommentThemeRow.response_id).in_(_RESPONSE_IDS)),  # of a closed list: they stay
    PersonalTable(RevisionRow, col(RevisionRow.response_id).in_(_RESPONSE_IDS), {"comment": None, "follow_up": []}),
    PersonalTable(ResponseDimensionRow, col(ResponseDimensionRow.response_id).in_(_RESPONSE_IDS)),  # still counted by
    PersonalTable(
        DeliveryRow,
        _of_contacts(DeliveryRow.contact_id),
        {"payload": None, "hold_detail": None, "receipt_note": None, **_DELIVERY_TEXTS},
    ),
    PersonalTable(  # notices to staff
        DeliveryRow, col(DeliveryRow.contact_id).is_(None), _DELIVERY_TEXTS, is_about=in_text("options", "last_error")
    ),
    PersonalTable(AttemptRow, col(AttemptRow.delivery_id).in_(_DELIVERY_IDS), {"message": None, "exchange": None}),
    PersonalTable(
        CaseRow,
        _of_contacts(CaseRow.contact_id),
        {"owner": None, "handled_by": None, "assigned_to": None, "solved_by": None},
    ),
    PersonalTable(CaseEntryRow, col(CaseEntryRow.case_id).in_(_CASE_IDS), {"text": None, "assigned_to": None}),
    PersonalTable(CooldownRow, in_list(col(CooldownRow.subject), "subjects")),
    PersonalTable(DigestOptOutRow, in_list(col(DigestOptOutRow.mailbox), "mailboxes")),
    PersonalTable(ReviewRequestRow, in_list(col(ReviewRequestRow.subject), "subjects")),
    PersonalTable(ReviewLinkStateRow, _of_contacts(ReviewLinkStateRow.contact_id)),
    PersonalTable(ReviewTallyRow, _of_contacts(ReviewTallyRow.contact_id)),
    PersonalTable(SuppressionRow, in_list(col(SuppressionRow.subject), "subjects")),
    PersonalTable(
        BounceRow,
        or_(_of_contacts(BounceRow.contact_id), in_list(col(BounceRow.mailbox), "mailboxes")),
        {"detail": ERASED_TEXT, "mailbox": None},
    ),
    PersonalTable(AuditRow, in_list(col(AuditRow.object), "subjects")),
    PersonalTable(
        AuditRow,
        col(AuditRow.reason).is_not(None) & ~in_list(col(AuditRow.object), "subjects"),
        {"reason": ERASED_TEXT},
        is_about=in_text("reason"),
    ),
    PersonalTable(PauseRow, col(PauseRow.reason) != "", {"reason": ERASED_TEXT}, is_about=in_text("reason")),
    PersonalTable(BreakerRow, col(BreakerRow.reason).is_not(None), {"reason": ERASED_TEXT}, is_about=in_text("reason")),
    PersonalTable(
        JobRow,
        col(JobRow.id).is_not(None),
        {"memo": _without_failure, "last_error": _or_erased},
        is_about=in_text("memo", "last_error"),
    ),
    PersonalTable(
        ProblemRow,
        col(ProblemRow.id).is_not(None),
        {"title": ERASED_TEXT, "note": _or_erased, "fix_note": _or_erased},
        is_about=in_text("title", "note", "fix_note"),
    ),
    PersonalTable(ApprovalRow, col(ApprovalRow.people) >= 0, {"plan": {}}, is_about=_is_in_plan),
    PersonalTable(IdempotencyKeyRow, col(IdempotencyKeyRow.status) > 0, {"response": {}}, is_about=in_api_response),
    PersonalTable(
        ContactRow,
        _of_contacts(ContactRow.id),
        {"email": None, "mailbox": None, "name": None, "language": None, "record": {}},
    ),
)
"""In the order of an erasure; a table may have several entries."""
