"""Campaigns: people from a file are events of a kind of their own, decided by the same rules as everybody else."""

from __future__ import annotations

from dataclasses import replace

from nps_connect.records.events import Event
from nps_connect.rules.evaluate import RELEASED
from nps_connect.rules.trigger_decision import Candidate
from nps_connect.settings.model import Settings, Trigger

CAMPAIGN_EVENT_KIND = "contact.imported"
"""Somebody stood in the file of a campaign. No plugin gives it and no trigger of the configuration can listen to it."""

CAMPAIGN_PREFIX = "campaign:"
"""How the keys of these events and the names of their triggers begin."""


def campaign_trigger(settings: Settings, connection: str, event: Event) -> Trigger | None:
    """The trigger that a campaign's event brings with it; none for other events, or if its survey is gone."""
    if event.kind != CAMPAIGN_EVENT_KIND or not event.key.startswith(CAMPAIGN_PREFIX):
        return None
    survey, per_day = event.fields.get("survey"), event.fields.get("per_day")
    if survey not in settings.surveys or not isinstance(per_day, int):
        return None
    name = f"{CAMPAIGN_PREFIX}{event.object_id}"
    return Trigger(on=CAMPAIGN_EVENT_KIND, source=connection, survey=str(survey), per_day=per_day, name=name)


def approve_campaign(case: Candidate, trigger: Trigger) -> Candidate:
    """The case as an operator has let it through: how many people a campaign reaches was asked before it began."""
    if case.earlier_verdicts.get(trigger.label) not in (None, "deferred"):
        return case
    return replace(case, earlier_verdicts={**case.earlier_verdicts, trigger.label: RELEASED})
