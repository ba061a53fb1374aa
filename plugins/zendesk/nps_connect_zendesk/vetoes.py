"""Refusing surveys: what a ticket's exclusion means for every trigger."""

from __future__ import annotations

from nps_connect import Event, Veto, hookimpl
from nps_connect_zendesk.ticket_facts import EXCLUSION_FIELD


@hookimpl
def nps_veto_survey(event: Event) -> Veto | None:
    """Refuse surveys about excluded tickets: our own, merged ones, and those that the settings name."""
    reason = event.fields.get(EXCLUSION_FIELD)
    return Veto(reason=str(reason)) if reason else None
