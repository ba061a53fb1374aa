"""People as the lists show them: by name, else by address, else by the id of their contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import ContactRow

MAX_LENGTH = 24
"""Of a person's name in a table."""


class People(NamedTuple):
    """Contacts of the rows of a list.

    Attributes:
        by_id: the contacts by row number.
    """

    by_id: Mapping[int, ContactRow]

    def of(self, contact_id: int | None) -> dict[str, str | None]:
        """Return ``contact`` (``connection:id``) and ``person`` for ``--json``; None where there is no contact."""
        row = self.by_id.get(contact_id or 0)
        return person_json(row) if row is not None else {"contact": None, "person": None}


def load_people_names(session: Session, contact_ids: Iterable[int | None]) -> People:
    """Return the contacts with these ids."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import ContactRow

    ids = {contact_id for contact_id in contact_ids if contact_id is not None}
    if not ids:
        return People({})
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars()
    return People({row.id or 0: row for row in rows})


def person_json(row: ContactRow) -> dict[str, str | None]:
    """Return ``contact`` (``connection:id``) and ``person`` (name, else address, else id) for ``--json``."""
    reference = f"{row.connection}:{row.vendor_id}"
    return {"contact": reference, "person": row.name or row.email or reference}


def short_person(row: Mapping[str, str | None]) -> str | None:
    """Return the person of a row for a table, shortened."""
    person = row["person"]
    return person if person is None or len(person) <= MAX_LENGTH else f"{person[: MAX_LENGTH - 1]}…"
