"""Population of a recurring survey: the contacts that a vendor lists, or that the ledger knows, page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, bindparam, cast, select
from sqlmodel import Session, col

from nps_connect.errors import Rejected
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import ContactRow, InvitationRow
from nps_connect.records.base import FieldValue, mailbox_key
from nps_connect.records.contacts import Contact, ContactPage
from nps_connect.rules.filters import Filter
from nps_connect.services.contacts.contact_batch import load_merged_groups
from nps_connect.services.context import Context
from nps_connect.services.decisions.limit_state import last_survey_query
from nps_connect.services.intake.poll import read_vendor

LIST_HOOK = "nps_list_contacts"
PAGE_SIZE = 1000
"""Contacts of a page that is read from the ledger."""

LISTABLE_PERSON_FIELDS = ("contact.email_domain", "contact.language", "contact.name", "contact.timezone")
"""Fields of the person that the filter of a population may use; the history of surveys is none of them."""

_CONTACTS = ContactRow.__table__.c
_LEDGER_PAGE: Select[*tuple[Any, ...]] = (
    select(_CONTACTS.id, _CONTACTS.vendor_id, _CONTACTS.created_at, cast(_CONTACTS.record, Text))
    .where(_CONTACTS.connection == bindparam("from_connection"), _CONTACTS.id > bindparam("after"))
    .where(_CONTACTS.deleted_at.is_(None), _CONTACTS.erased_at.is_(None), _CONTACTS.merged_into.is_(None))
    .order_by(_CONTACTS.id)
    .limit(PAGE_SIZE)
)
_STORED: Select[*tuple[Any, ...]] = select(_CONTACTS.id, _CONTACTS.vendor_id, _CONTACTS.erased_at).where(
    _CONTACTS.connection == bindparam("from_connection"), in_list(_CONTACTS.vendor_id, "vendor_ids")
)


class Member(NamedTuple):
    """A contact of the population.

    Attributes:
        vendor_id: the vendor's id.
        row_id: id of the stored contact; None if it is not stored.
        created_at: since when the contact is known, in seconds since 1970; None if unknown.
        record: the contact, or its record as JSON.
    """

    vendor_id: str
    row_id: int | None
    created_at: float | None
    record: Contact | str

    @property
    def contact(self) -> Contact:
        """The contact."""
        return self.record if isinstance(self.record, Contact) else Contact.model_validate_json(self.record)


class MemberPage(NamedTuple):
    """A page of the population; `cursor` is None on the last one."""

    members: list[Member]
    cursor: str | None


def fetch_listing(
    ctx: Context, connection: str, cursor: str | None, memo: dict[str, Any], retry: timedelta, fields: Sequence[str]
) -> ContactPage | timedelta | None:
    """Return a page of the vendor's list, or the time until the next try; None if the plugin lists no contacts.

    Raises:
        Rejected: the cursor is not valid any more.
    """
    if not ctx.has(connection, LIST_HOOK):
        return None
    page: ContactPage | timedelta = read_vendor(
        ctx,
        connection,
        memo,
        retry,
        purpose="schedule",
        hook=LIST_HOOK,
        raised=(Rejected,) if cursor is not None else (),
        cursor=cursor,
        fields=fields,
    )
    return page


def load_page(
    session: Session, connection: str, cursor: str | None, listing: ContactPage | None, compiled: Filter | None
) -> MemberPage:
    """Return the members of a page: of the vendor's listing, else of the contacts of the ledger after the cursor.

    Deleted and erased contacts, and those merged into others, are no members.
    """
    if listing is None:
        members, next_cursor = _load_ledger_page(session, connection, int(cursor or 0))
    else:
        members, next_cursor = _match_listing(session, connection, listing), listing.cursor
    if compiled is not None:
        members = [member for member in members if compiled.matches(_filter_values(member.record, compiled))]
    return MemberPage(members, next_cursor)


def load_last_surveys(ctx: Context, session: Session, survey: str, members: Sequence[Member]) -> dict[int, float]:
    """Return when the survey was sent last to each member or is due, by contact id, in seconds since 1970."""
    groups = load_merged_groups(session, [member.row_id for member in members if member.row_id is not None])
    everybody = list({contact_id for group in groups.values() for contact_id in group})
    query = last_survey_query(ctx).where(col(InvitationRow.survey) == survey)
    last: dict[int, datetime] = dict(session.execute(query, {"ids": everybody}).all()) if everybody else {}
    if not last:
        return {}
    return {
        contact_id: max(last[other].timestamp() for other in group if other in last)
        for contact_id, group in groups.items()
        if not last.keys().isdisjoint(group)
    }


def _load_ledger_page(session: Session, connection: str, after: int) -> tuple[list[Member], str | None]:
    rows = session.execute(_LEDGER_PAGE, {"from_connection": connection, "after": after}).all()
    members = [
        Member(vendor_id, row_id, created_at.timestamp() if created_at else None, record)
        for row_id, vendor_id, created_at, record in rows
    ]
    return members, str(rows[-1][0]) if len(rows) == PAGE_SIZE else None


def _match_listing(session: Session, connection: str, listing: ContactPage) -> list[Member]:
    """Return the listed contacts that are alive, each with its stored row."""
    vendor_ids = [listed.contact.id for listed in listing.contacts]
    rows = session.execute(_STORED, {"from_connection": connection, "vendor_ids": vendor_ids})
    stored = {row.vendor_id: row for row in rows}
    members = {}
    for listed in listing.contacts:
        row, contact = stored.get(listed.contact.id), listed.contact
        if contact.deleted or (row is not None and row.erased_at is not None):
            continue
        created_at = listed.created_at.timestamp() if listed.created_at else None
        members[contact.id] = Member(contact.id, row.id if row else None, created_at, contact)
    return list(members.values())


def _filter_values(record: Contact | str, compiled: Filter) -> Mapping[str, FieldValue]:
    values: dict[str, Any] = json.loads(record) if isinstance(record, str) else {}
    fields: dict[str, FieldValue] = values.get("fields", {}) if isinstance(record, str) else record.fields
    if not compiled.person_fields:
        return fields
    person = values if isinstance(record, str) else record.model_dump(include={"email", "language", "name", "timezone"})
    email = person.get("email")
    return {
        **fields,
        "contact.email_domain": mailbox_key(email).rpartition("@")[2] if email else None,
        **{f"contact.{name}": person.get(name) for name in ("language", "name", "timezone")},
    }
