"""People in requests of the API, and what a reader sees of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.api_pages import PersonItem
from nps_connect.records.api_requests import PersonReference
from nps_connect.records.api_results import ApiCaller, ApiProblem, invalid
from nps_connect.rules.imports.cells import parse_address
from nps_connect.rules.pseudonymize import mask_personal_data
from nps_connect.services.context import Context
from nps_connect.services.imports.people import AmbiguousConnection, ImportedPerson, choose_connection
from nps_connect.services.operations.explain import resolve_contacts
from nps_connect.settings.key_paths import nearest


def require_connection(ctx: Context, name: str) -> None:
    """Refuse the name of a connection that does not exist.

    Raises:
        ApiProblem: 422.
    """
    if name not in ctx.connections:
        raise invalid("connection", _unknown("connection", nearest(name, list(ctx.connections))))


def require_survey(ctx: Context, name: str) -> None:
    """Refuse the name of a survey that does not exist.

    Raises:
        ApiProblem: 422.
    """
    if name not in ctx.settings.surveys:
        raise invalid("survey", _unknown("survey", nearest(name, list(ctx.settings.surveys))))


def require_survey_with_responses(ctx: Context, session: Session, name: str | None) -> None:
    """Refuse the name of a survey that neither the configuration nor any response has; None means all surveys.

    Raises:
        ApiProblem: 422.
    """
    if name is None or name in ctx.settings.surveys:
        return
    query = select(col(ResponseRow.id)).where(col(ResponseRow.survey) == name).limit(1)
    if session.execute(query).first() is None:
        require_survey(ctx, name)


def source_connection(ctx: Context, connection: str | None, survey: str) -> str:
    """Return the connection that knows a person.

    Raises:
        ApiProblem: 422: it does not exist, or must be named.
    """
    try:
        return choose_connection(ctx, connection, survey)
    except AmbiguousConnection as error:
        raise invalid("connection", str(error)) from None


def build_person(reference: PersonReference) -> ImportedPerson:
    """Return the person that a request refers to.

    Raises:
        ApiProblem: 422: neither id nor address, or the address is not valid.
    """
    if reference.id is None and reference.email is None:
        raise invalid("contact", "name the person by id, by email, or both")
    return ImportedPerson(
        line=0,
        email=check_address("contact.email", reference.email),
        id=reference.id,
        name=reference.name,
        language=reference.language,
    )


def check_address(field: str, address: str | None) -> str | None:
    """Return an e-mail address as it is stored.

    Raises:
        ApiProblem: 422: no mailbox can have it.
    """
    if address is None:
        return None
    try:
        return parse_address(address)
    except ValueError as error:
        raise invalid(field, str(error)) from None


def find_contact_rows(ctx: Context, session: Session, caller: ApiCaller, reference: str) -> Sequence[ContactRow]:
    """Return the contacts that an address or ``connection:id`` in a query means.

    Raises:
        ApiProblem: 403: without the scope `people`, nobody can be looked for.
    """
    if not caller.has("people"):
        raise ApiProblem(403, "scope-missing", "to filter by contact, the key needs the scope people")
    return resolve_contacts(session, reference, list(ctx.connections))


def describe_person(ctx: Context, caller: ApiCaller, row: ContactRow) -> PersonItem:
    """Return what the caller may see of a contact: without the scope `people`, a pseudonym."""
    is_named = caller.has("people")
    return PersonItem(
        pseudonym=ctx.links.pseudonym(row.connection, row.vendor_id),
        connection=row.connection,
        id=row.vendor_id if is_named else None,
        email=row.email if is_named else None,
        name=row.name if is_named else None,
    )


def show_text(caller: ApiCaller, text: str | None, row: ContactRow | None) -> str | None:
    """Return a text of or about a person: without the scope `people`, with addresses, numbers and names masked."""
    if text is None or caller.has("people"):
        return text
    names = [] if row is None else [row.name, row.email, row.vendor_id]
    return mask_personal_data(text, [name for name in names if name])


def _unknown(noun: str, hint: str | None) -> str:
    return f"there is no such {noun}" + (f"; did you mean {hint!r}?" if hint else "")
