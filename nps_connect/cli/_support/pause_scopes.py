"""Shared by ``pause`` and ``resume``: scopes as operators type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.names import require_connection, require_name

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.settings.model import Settings

SCOPE_FORMS = "mail, CONNECTION, connection:CONNECTION, survey:SURVEY or queue:CONNECTION/ACTION"
INTAKE_QUEUES = ("parse", "decide", "poll")
"""The queues of a connection that carry no action; a broken plugin pauses them too."""


def parse_scope(text: str, settings: Settings) -> str:
    """Return the ledger's scope for an operator's scope; the word ``mail`` always means all customer mail.

    Raises:
        click.UsageError: not a scope, or an unknown connection, survey or action; names the nearest one.
    """
    from typing import get_args

    from nps_connect.ledger import pauses
    from nps_connect.records.actions import Action

    if text in (pauses.MAIL_SCOPE, *pauses.RESTORE_SCOPES):
        return text
    kind, colon, name = text.partition(":")
    if not colon:
        return pauses.connection_scope(require_connection(text, settings.connections))
    if kind == "connection":
        return pauses.connection_scope(require_connection(name, settings.connections))
    if kind == "survey":
        return pauses.survey_scope(require_name(name, settings.surveys, "survey"))
    connection, slash, action = name.partition("/")
    if kind != "queue" or not slash:
        raise click.UsageError(f"{text!r} is not a scope; allowed: {SCOPE_FORMS}")
    queues = [*get_args(Action), *INTAKE_QUEUES]
    return pauses.queue_scope(
        require_connection(connection, settings.connections), require_name(action, queues, "action")
    )


def select_scope(scope: str | None, survey: str | None) -> str:
    """Return the scope given as an argument or as ``--survey``; ``mail`` if neither is given.

    Raises:
        click.UsageError: both were given.
    """
    if scope is not None and survey is not None:
        raise click.UsageError("SCOPE and --survey are mutually exclusive")
    return scope or (f"survey:{survey}" if survey is not None else "mail")


def describe_scope(scope: str) -> str:
    """Return a scope in words, to begin a sentence with."""
    kind, _, name = scope.partition(":")
    if kind == "connection":
        return f"Connection {name}"
    if kind == "survey":
        return f"Mail of survey {name}"
    if kind == "queue":
        connection, _, action = name.partition("/")
        return f"Queue {action} of connection {connection}"
    return {"database": "All sending", "restored": "Mail to people whose opt-outs were unknown"}.get(
        scope, "All customer mail"
    )


def count_waiting(ledger: Ledger, scope: str) -> tuple[int, int]:
    """Return how many deliveries of a scope are waiting, and how many customers would get mail from them."""
    from sqlalchemy import func, select
    from sqlmodel import col

    from nps_connect.app.actions import ACTIONS
    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.operations.waiting_deliveries import customer_mail_clause, waiting_clause

    is_waiting, is_customer_mail = waiting_clause(scope, ACTIONS), customer_mail_clause(ACTIONS)
    with ledger.read() as session:
        deliveries = session.execute(select(func.count()).select_from(DeliveryRow).where(is_waiting)).scalar_one()
        customers = session.execute(
            select(func.count(func.distinct(col(DeliveryRow.contact_id)))).where(is_waiting, is_customer_mail)
        ).scalar_one()
    return int(deliveries), int(customers)
