"""What ``pause`` and ``resume`` share: scopes as operators write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.ledger import Ledger
    from nps_connect.settings.model import Settings

SCOPE_FORMS = "mail, CONNECTION, connection:CONNECTION, survey:SURVEY or queue:CONNECTION/ACTION"
INTAKE_QUEUES = ("parse", "decide", "poll")
"""What a connection's queues do beside actions; a broken plugin stops them too."""


def parse_scope(text: str, settings: Settings) -> str:
    """The ledger's scope for what the operator wrote; the bare word ``mail`` is always all customer mail.

    Raises:
        click.UsageError: no such connection or action, with the nearest name.
    """
    from typing import get_args

    from nps_connect.ledger import pauses
    from nps_connect.records.deliveries import Action

    if text == pauses.MAIL_SCOPE:
        return text
    kind, colon, name = text.partition(":")
    if not colon:
        return pauses.connection_scope(_require_name(text, list(settings.connections), "connection"))
    if kind == "connection":
        return pauses.connection_scope(_require_name(name, list(settings.connections), "connection"))
    if kind == "survey":
        return pauses.survey_scope(_require_name(name, list(settings.surveys), "survey"))
    connection, slash, action = name.partition("/")
    if kind != "queue" or not slash:
        raise click.UsageError(f"{text!r} is not a scope; allowed: {SCOPE_FORMS}")
    queues = [*get_args(Action), *INTAKE_QUEUES]
    return pauses.queue_scope(
        _require_name(connection, list(settings.connections), "connection"), _require_name(action, queues, "action")
    )


def select_scope(scope: str | None, survey: str | None) -> str:
    """The scope that was asked for in either way.

    Raises:
        click.UsageError: both were given.
    """
    if scope is not None and survey is not None:
        raise click.UsageError("name a SCOPE or a --survey, not both")
    return scope or (f"survey:{survey}" if survey is not None else "mail")


def set_paused(session: Session, scope: str, reason: str | None) -> bool:
    """Pause a scope for a reason, or resume it (none); false if it was so already."""
    from nps_connect.connection import system_clock
    from nps_connect.ledger import pauses
    from nps_connect.services.decisions import held_triggers

    kind, _, name = scope.partition(":")
    if kind == "survey" and reason is not None:
        return held_triggers.pause_survey(session, name, reason=reason, now=system_clock())
    if kind == "survey":
        return held_triggers.resume_survey(session, name)
    if reason is not None:
        return pauses.pause(session, scope, cause="operator", reason=reason, now=system_clock())
    return pauses.resume(session, scope)


def _require_name(name: str, known: list[str], kind: str) -> str:
    if name in known:
        return name
    from nps_connect.settings.key_paths import nearest

    near = nearest(name, known)
    raise click.UsageError(
        f"there is no {kind} {name!r}; allowed: {', '.join(known)}" + (f"; did you mean {near!r}?" if near else "")
    )


def describe_scope(scope: str) -> str:
    """A scope for people."""
    kind, _, name = scope.partition(":")
    if kind == "connection":
        return f"everything on {name}"
    if kind == "survey":
        return f"all mail of survey {name}"
    if kind == "queue":
        connection, _, action = name.partition("/")
        return f"{action} on {connection}"
    return "all mail to customers"


def count_waiting(ledger: Ledger, scope: str) -> tuple[int, int]:
    """How many deliveries of a scope are pending, and how many customers would get mail from them."""
    from sqlalchemy import func, select
    from sqlmodel import col

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.records.deliveries import HoldCode
    from nps_connect.services.decisions.held_triggers import survey_mail_condition
    from nps_connect.services.deliveries.deliver import CUSTOMER_FACING

    pending = col(DeliveryRow.state) == "pending"
    mail = col(DeliveryRow.action).in_(sorted(CUSTOMER_FACING))
    kind, _, name = scope.partition(":")
    if kind == "connection":
        inside = pending & (col(DeliveryRow.connection) == name)
    elif kind == "survey":
        inside = survey_mail_condition(name) & (pending | (col(DeliveryRow.hold_code) == HoldCode.SURVEY_PAUSED))
    elif kind == "queue":
        inside = pending & (col(DeliveryRow.queue_name) == name)
    else:
        inside = pending & mail
    with ledger.read() as session:
        deliveries = session.execute(select(func.count()).select_from(DeliveryRow).where(inside)).scalar_one()
        customers = session.execute(
            select(func.count(func.distinct(col(DeliveryRow.contact_id)))).where(inside, mail)
        ).scalar_one()
    return int(deliveries), int(customers)
