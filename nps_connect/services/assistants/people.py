"""People as assistants refer to them: by pseudonym; with the scope `people` also by address and id."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.services.api.people import find_contact_rows
from nps_connect.services.context import Context
from nps_connect.services.operations.explain import resolve_contacts

_PSEUDONYM = re.compile(r"p-[0-9a-f]{20}", re.ASCII)
ROWS_PER_BATCH = 10_000


def find_person(ctx: Context, session: Session, caller: ApiCaller, reference: str) -> Sequence[ContactRow]:
    """Return the contacts of a person, merged ones included.

    Raises:
        ApiProblem: 404: there is no such person. 403: a reference other than a pseudonym needs the scope `people`.
    """
    if _PSEUDONYM.fullmatch(reference):
        row = _find_pseudonyms(ctx, session, {reference}).get(reference)
        rows = [] if row is None else resolve_contacts(session, f"{row.connection}:{row.vendor_id}", [row.connection])
    else:
        rows = list(find_contact_rows(ctx, session, caller, reference))
    if not rows:
        raise _unknown()
    return rows


def find_people(ctx: Context, session: Session, caller: ApiCaller, references: Sequence[str]) -> list[ContactRow]:
    """Return one contact for each reference, each once.

    Raises:
        ApiProblem: as `find_person`; 422: a reference means several contacts.
    """
    pseudonyms = {reference for reference in references if _PSEUDONYM.fullmatch(reference)}
    by_pseudonym = _find_pseudonyms(ctx, session, pseudonyms)
    contact_by_id: dict[int, ContactRow] = {}
    for reference in references:
        if reference in pseudonyms:
            row = by_pseudonym.get(reference)
            if row is None:
                raise _unknown()
        else:
            rows = [row for row in find_contact_rows(ctx, session, caller, reference) if row.merged_into is None]
            if not rows:
                raise _unknown()
            if len(rows) > 1:
                raise ApiProblem(422, "invalid", "an address means contacts of several connections; use pseudonyms")
            row = rows[0]
        contact_by_id[row.id or 0] = row
    return list(contact_by_id.values())


def _unknown() -> ApiProblem:
    return ApiProblem(404, "person-unknown", "there is no such person")


def _find_pseudonyms(ctx: Context, session: Session, pseudonyms: Collection[str]) -> dict[str, ContactRow]:
    """Return the contacts with these pseudonyms. A pseudonym cannot be traced back: every contact is compared."""
    ids: dict[str, int] = {}
    if pseudonyms:
        columns = col(ContactRow.id), col(ContactRow.connection), col(ContactRow.vendor_id)
        query = select(*columns).where(col(ContactRow.erased_at).is_(None))
        rows = session.execute(query.execution_options(yield_per=ROWS_PER_BATCH))
        for contact_id, connection, vendor_id in rows:
            pseudonym = ctx.links.pseudonym(connection, vendor_id)
            if pseudonym in pseudonyms:
                ids[pseudonym] = contact_id
                if len(ids) == len(pseudonyms):
                    break
        rows.close()
    contacts = session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids.values()))).scalars()
    row_by_id = {row.id: row for row in contacts}
    return {pseudonym: row_by_id[contact_id] for pseudonym, contact_id in ids.items()}
