"""``nps-connect contacts list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list
from nps_connect.cli._support.people import person_json, short_person

if TYPE_CHECKING:
    from nps_connect.ledger.tables import ContactRow

STATES = ("active", "opted_out", "suppressed", "deleted", "erased", "merged")
COLUMNS = {
    "contact": "contact",
    "person": short_person,
    "language": "language",
    "state": "state",
    "email": lambda row: None if row["email"] == row["person"] else row["email"],
}


@command
@list_options(states=STATES, period=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List contacts, newest first, and whether they may be contacted.

    active: nothing is against it; opted_out: the CRM says so; suppressed: see `suppressions list`.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.list_page import load_page
    from nps_connect.ledger.tables import ContactRow

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        connection = filters.known_connection(session, settings, col(ContactRow.connection))
        contact_ids, state = filters.contact_ids(session, settings), _state()
        query = select(ContactRow, state)
        if filters.state:
            query = query.where(state.in_(filters.state))
        if connection is not None:
            query = query.where(col(ContactRow.connection) == connection)
        if contact_ids is not None:
            query = query.where(col(ContactRow.id).in_(contact_ids))
        page = load_page(session, query, [col(ContactRow.id)], limit=filters.limit, after=filters.after("contacts"))
        rows = [_contact_json(*row) for row in page.rows]
    cursor = encode_cursor("contacts", page.next_key)
    print_list(rows, COLUMNS, empty="no contacts", as_json=as_json, next_cursor=cursor)


def _state() -> Any:  # noqa: ANN401  # an SQL expression
    """Return the state of a contact: what stops mail to it for the longest time comes first."""
    from sqlalchemy import String, case, cast, exists
    from sqlmodel import col

    from nps_connect.ledger.subjects import mailbox_subject, person_subject
    from nps_connect.ledger.suppressions import SuppressionRow
    from nps_connect.ledger.tables import ContactRow

    person = person_subject(0).removesuffix("0") + cast(col(ContactRow.id), String)
    subjects = (person, mailbox_subject("") + col(ContactRow.mailbox))
    is_suppressed = exists().where(col(SuppressionRow.subject).in_(subjects)).correlate(ContactRow)
    return case(
        (col(ContactRow.erased_at).is_not(None), "erased"),
        (col(ContactRow.deleted_at).is_not(None), "deleted"),
        (col(ContactRow.merged_into).is_not(None), "merged"),
        (col(ContactRow.opted_out), "opted_out"),
        (is_suppressed, "suppressed"),
        else_="active",
    )


def _contact_json(row: ContactRow, state: str) -> dict[str, Any]:
    """Return a contact for ``--json``."""
    return person_json(row) | {"state": state} | attributes(row, "email", "name", "language", "deleted_at", "erased_at")
