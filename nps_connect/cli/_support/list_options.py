"""The options that all lists share: which rows, and which page of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.names import NameChoice, find_contact_ids, require_known
from nps_connect.cli._support.periods import parse_period, period_options
from nps_connect.rules.page_cursor import decode_cursor, encode_cursor

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.rules.page_cursor import PageKey
    from nps_connect.settings.model import Settings

__all__ = ["ListFilters", "encode_cursor", "list_options"]

DEFAULT_LIMIT = 50
CONTACT_HELP = "Only this person: an e-mail address, a vendor id, or CONNECTION:ID."


class ListFilters(NamedTuple):
    """What the options select; None or empty means no filter.

    Attributes:
        contact, connection, state, since, until: as given.
        limit: maximum number of rows.
        cursor: as given.
    """

    contact: str | None = None
    connection: str | None = None
    state: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None

    def contact_ids(self, session: Session, settings: Settings) -> tuple[int, ...] | None:
        """Return the ids of the person's contacts, or None without ``--contact``.

        Raises:
            CommandError: no contact matches.
        """
        return None if self.contact is None else find_contact_ids(session, settings, self.contact)

    def period(self, settings: Settings) -> tuple[datetime | None, datetime | None]:
        """Return start (inclusive) and end (exclusive).

        Raises:
            click.BadParameter: a value is no moment.
        """
        return parse_period(settings, self.since, self.until)

    def known_connection(self, session: Session, settings: Settings, *columns: Any) -> str | None:  # noqa: ANN401
        """Return the connection; it is configured, or one of the columns still holds it.

        Raises:
            click.UsageError: there is no such connection; names the nearest one.
        """
        return require_known(self.connection, settings.connections, "connection", session, *columns)

    def after(self, kind: str) -> PageKey | None:
        """Return where the page before ended; None for the first page.

        Args:
            kind: of list, such as ``deliveries``.

        Raises:
            click.BadParameter: the cursor is of another list, or damaged.
        """
        return None if self.cursor is None else _decode_cursor(self.cursor, kind)


def list_options(
    *,
    states: Sequence[str] = (),
    contact: bool = True,
    connection: bool = True,
    period: bool = True,
    pages: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options of a list; the command receives them as `ListFilters` in `filters`.

    Args:
        states: the values of ``--state``; none means no such option.
        contact: add ``--contact``.
        connection: add ``--connection``.
        period: add ``--since`` and ``--until``.
        pages: add ``--limit`` and ``--cursor``.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def with_filters(*args: Any, **values: Any) -> Any:  # noqa: ANN401  # whatever the command has
            filters = {name: values.pop(name) for name in ListFilters._fields if name in values}
            return function(*args, filters=ListFilters(**filters), **values)

        command: Callable[..., Any] = with_filters
        if pages:
            limit_help = "Maximum number of rows, newest first."
            command = click.option("--cursor", help="The next rows: as printed below the rows before.")(command)
            command = click.option(
                "--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help=limit_help
            )(command)
        if period:
            command = period_options(command)
        if states:
            choice = NameChoice(states)
            command = click.option("--state", type=choice, multiple=True, help="Only this state; repeatable.")(command)
        if connection:
            option = click.option("--connection", help="Only this connection.", shell_complete=complete_connection)
            command = option(command)
        if contact:
            command = click.option("--contact", help=CONTACT_HELP)(command)
        return command

    return decorate


def _decode_cursor(text: str, kind: str) -> PageKey:
    try:
        return decode_cursor(text, kind)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--cursor") from None
