"""Campaigns: imported contacts are events of a kind of their own that bring their trigger with them."""

from __future__ import annotations

from dataclasses import replace

from nps_connect.records.events import Event
from nps_connect.rules.evaluate import RELEASED
from nps_connect.rules.trigger_decision import Candidate
from nps_connect.settings.model import Settings, Trigger

CAMPAIGN_EVENT_KIND = "contact.imported"
"""Kind of the events of a campaign. No plugin produces it, and no configured trigger can listen to it."""

CAMPAIGN_PREFIX = "campaign:"
"""Prefix of the keys of these events and of the names of their triggers."""


def campaign_trigger(settings: Settings, connection: str, event: Event) -> Trigger | None:
    """Return the trigger of a campaign's event; None for other events, and if the survey no longer exists."""
    if event.kind != CAMPAIGN_EVENT_KIND or not event.key.startswith(CAMPAIGN_PREFIX):
        return None
    survey, per_day = event.fields.get("survey"), event.fields.get("per_day")
    if survey not in settings.surveys or not isinstance(per_day, int):
        return None
    name = f"{CAMPAIGN_PREFIX}{event.object_id}"
    return Trigger(on=CAMPAIGN_EVENT_KIND, source=connection, survey=str(survey), per_day=per_day, name=name)


def approve_campaign(case: Candidate, trigger: Trigger) -> Candidate:
    """Return the candidate as released by an operator: the size of a campaign was confirmed before it started."""
    if case.earlier_verdicts.get(trigger.label) not in (None, "deferred"):
        return case
    return replace(case, earlier_verdicts={**case.earlier_verdicts, trigger.label: RELEASED})
