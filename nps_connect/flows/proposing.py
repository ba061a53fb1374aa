"""The plugins' say in a decision: proposals and vetoes. The core's cooldown and suppression decide last."""

from __future__ import annotations

import logging

from nps_connect.flows.context import Context
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory, SurveyProposal, SurveyView
from nps_connect.settings.model import Trigger

log = logging.getLogger(__name__)


def proposed(
    ctx: Context, connection: str, event: Event, contact: Contact, history: ContactHistory
) -> list[tuple[Trigger, str]]:
    """What plugins propose for an event, as triggers named after them, each with the plugin's reason."""
    found = []
    for name, answer in ctx.plugins.each("nps_trigger_survey", event=event, contact=contact, history=history):
        if isinstance(answer, SurveyProposal) and answer.survey in ctx.settings.surveys:
            label = f"plugin:{name}:{answer.survey}"
            trigger = Trigger(on=event.kind, source=connection, survey=answer.survey, name=label)
            found.append((trigger, f"{name} proposed it: {answer.reason}"))
        elif answer is not None:
            log.error("plugin %s proposed nothing usable: %s", name, type(answer).__name__)
    return found


def vetoed(ctx: Context, event: Event, contact: Contact, trigger: Trigger) -> str | None:
    """The first refusal of a plugin, or none. A plugin that fails refuses: nobody is bothered by mistake."""
    survey = ctx.settings.surveys[trigger.survey]
    view = SurveyView(
        name=trigger.survey,
        touchpoint=trigger.touchpoint or survey.touchpoint or trigger.survey,
        channel=survey.channel,
    )
    for name, answer in ctx.plugins.each("nps_veto_survey", event=event, contact=contact, survey=view):
        if isinstance(answer, Exception):
            log.error("plugin %s failed to answer a veto: %s", name, type(answer).__name__)
            return f"{name}: failed ({type(answer).__name__})"
        if answer is not None:
            return f"{name}: {answer.reason}"
    return None
