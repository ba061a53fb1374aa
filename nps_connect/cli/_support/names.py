"""Checks of names that operators type, with the nearest match in the error."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.errors import CommandError

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.settings.model import Settings


class NameChoice(click.Choice[str]):
    """One of some names; the error names the nearest one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ANN401  # click's own
        """Return what is wrong with a value."""
        message = super().get_invalid_choice_message(value, ctx).rstrip(".")
        return message + suggest_nearest(str(value), map(str, self.choices))


def require_connection(name: str, names: Collection[str]) -> str:
    """Return the name if a connection has it.

    Raises:
        click.UsageError: there is no such connection; lists the allowed names and the nearest one.
    """
    return require_name(name, names, "connection")


def require_known(
    name: str | None,
    names: Collection[str],
    noun: str,
    session: Session | None = None,
    *columns: Any,  # noqa: ANN401  # columns of tables
) -> str | None:
    """Return the name if it is configured, or None if no name is given.

    What the ledger holds outlives its configuration: with a session, a name in one of the columns is allowed too.

    Raises:
        click.UsageError: the name is unknown; lists the allowed names and the nearest one.
    """
    if name is None:
        return None
    if session is not None and name not in names:
        from sqlalchemy import select

        for column in columns:
            if session.execute(select(column).where(column == name).limit(1)).first() is not None:
                return name
    return require_name(name, names, noun)


def require_name(name: str, names: Collection[str], noun: str) -> str:
    """Return the name if it is one of the allowed names.

    Raises:
        click.UsageError: it is not; lists the allowed names and the nearest one.
    """
    if name in names:
        return name
    allowed = ", ".join(names) or "none"
    raise click.UsageError(f"there is no {noun} {name!r}; allowed: {allowed}{suggest_nearest(name, names)}")


def require_action(name: str | None) -> str | None:
    """Return the name if an action has it, or None if no name is given.

    Raises:
        click.UsageError: there is no such action; lists the allowed names and the nearest one.
    """
    from typing import get_args

    from nps_connect.records.actions import Action

    return None if name is None else require_name(name, get_args(Action), "action")


def suggest_nearest(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'NAME'?`` for the nearest name, or an empty text if none is near."""
    from nps_connect.settings.key_paths import nearest

    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near else ""


def find_contact_ids(session: Session, settings: Settings, reference: str) -> tuple[int, ...]:
    """Return the ids of the contacts of a person, merged ones included.

    Args:
        session: for reading.
        settings: with the connections.
        reference: an e-mail address, a vendor id or ``connection:id``.

    Raises:
        CommandError: no contact matches.
    """
    from nps_connect.services.operations.explain import resolve_contacts

    ids = tuple(row.id or 0 for row in resolve_contacts(session, reference, list(settings.connections)))
    if not ids:
        raise CommandError(f"no contact matches {reference!r}")
    return ids
