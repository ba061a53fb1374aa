"""``nps-connect suppressions list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.names import NameChoice
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list
from nps_connect.cli._support.people import person_json, short_person

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.suppressions.operator_suppressions import ListedSuppression
    from nps_connect.settings.model import Settings

REASONS = ("opted_out", "bounced", "erased", "objected", "unconfirmed")
COLUMNS = {
    "id": "id",
    "since": "since",
    "of": "of",
    "person": lambda row: short_person(row) or "no contact now",
    "reason": lambda row: f"{row['reason']}, provisional" if row["provisional_for"] else row["reason"],
    "source": "source",
}


@command
@list_options()
@click.option("--reason", type=NameChoice(REASONS), multiple=True, help="Only this reason; repeatable.")
def list_(options: Options, filters: ListFilters, reason: tuple[str, ...], as_json: bool) -> None:
    """List suppressions, newest first, with a contact that each concerns now.

    Provisional ones are of many bounces within an hour: see `bounces confirm` and `bounces undo`. --connection selects
    those that concern its contacts.
    """
    from nps_connect.services.suppressions.operator_suppressions import list_suppressions

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        conditions = _build_conditions(session, settings, filters, reason)
        after = filters.after("suppressions")
        listed, next_key = list_suppressions(session, *conditions, limit=filters.limit, after=after)
        rows = [suppression_json(suppression) for suppression in listed]
    zone, cursor = options.zone(settings), encode_cursor("suppressions", next_key)
    print_list(rows, COLUMNS, empty="nobody is suppressed", as_json=as_json, zone=zone, next_cursor=cursor)


def _build_conditions(
    session: Session, settings: Settings, filters: ListFilters, reasons: tuple[str, ...]
) -> list[Any]:
    from sqlalchemy import String, cast, literal, or_, select
    from sqlmodel import col

    from nps_connect.ledger.subjects import contact_subjects, mailbox_hash, mailbox_subject
    from nps_connect.ledger.suppressions import SuppressionRow
    from nps_connect.ledger.tables import ContactRow
    from nps_connect.services.operations.explain import resolve_contacts
    from nps_connect.services.suppressions.store import PERSON_PREFIX

    since, until = filters.period(settings)
    conditions: list[Any] = [col(SuppressionRow.reason).in_(reasons)] if reasons else []
    conditions += [col(SuppressionRow.created_at) >= since] if since is not None else []
    conditions += [col(SuppressionRow.created_at) < until] if until is not None else []
    connection = filters.known_connection(session, settings, col(ContactRow.connection))
    if connection is not None:
        of_connection = col(ContactRow.connection) == connection
        people = select(literal(PERSON_PREFIX).concat(cast(col(ContactRow.id), String))).where(of_connection)
        has_mailbox = of_connection & col(ContactRow.mailbox).is_not(None)
        mailboxes = select(literal(mailbox_subject("")).concat(col(ContactRow.mailbox))).where(has_mailbox)
        subject = col(SuppressionRow.subject)
        conditions.append(or_(subject.in_(people), subject.in_(mailboxes)))
    if filters.contact is not None:
        contacts = resolve_contacts(session, filters.contact, list(settings.connections))
        subjects = {subject for row in contacts for subject in contact_subjects(row.id or 0, row.mailbox)}
        if "@" in filters.contact:  # an address without a contact can be suppressed too
            subjects.add(mailbox_subject(mailbox_hash(filters.contact)))
        conditions.append(col(SuppressionRow.subject).in_(subjects))
    return conditions


def suppression_json(listed: ListedSuppression) -> dict[str, Any]:
    """Return a suppression for ``--json``."""
    row, contact = listed
    return {
        **attributes(row, "id", "reason", "source", "provisional_for"),
        "of": "person" if row.subject.startswith("c:") else "mailbox",
        **(person_json(contact) if contact is not None else {"contact": None, "person": None}),
        "since": row.created_at,
    }
