"""The plugins' say in a decision: proposals and vetoes. The core's cooldown and suppression decide last."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory, SurveyProposal, SurveyView
from nps_connect.rules.trigger_decision import TriggerDecision
from nps_connect.services.context import Context
from nps_connect.settings.model import Trigger

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PluginProposals:
    """What plugins say to an event.

    Attributes:
        usable: triggers named after the plugins, each with the plugin's reason.
        unusable: proposals that lead nowhere, each with its "no".
    """

    usable: tuple[tuple[Trigger, str], ...] = ()
    unusable: tuple[tuple[Trigger, TriggerDecision], ...] = ()


def collect_proposals(
    ctx: Context, connection: str, event: Event, contact: Contact, history: ContactHistory
) -> PluginProposals:
    """What plugins propose for an event. One that fails, or names an unknown survey, leaves a decision."""
    usable, unusable = [], []
    for name, answer in ctx.plugins.call_each("nps_trigger_survey", event=event, contact=contact, history=history):
        if isinstance(answer, SurveyProposal) and answer.survey in ctx.settings.surveys:
            label = f"plugin:{name}:{answer.survey}"
            trigger = Trigger(on=event.kind, source=connection, survey=answer.survey, name=label)
            usable.append((trigger, f"{name} proposed it: {answer.reason}"))
        elif answer is not None:
            why, survey = _proposal_problem(ctx, answer)
            log.error("plugin %s proposed nothing usable: %s", name, why)
            label = f"plugin:{name}:{survey}" if survey else f"plugin:{name}"
            unknown = Trigger.model_construct(on=event.kind, source=connection, survey=survey, name=label[:140])
            unusable.append((unknown, TriggerDecision("no", "unusable_proposal", f"{name} {why}")))
    return PluginProposals(tuple(usable), tuple(unusable))


def _proposal_problem(ctx: Context, answer: object) -> tuple[str, str]:
    """The end of a sentence about a useless answer, and the survey that it names."""
    if isinstance(answer, SurveyProposal):
        known = ", ".join(sorted(ctx.settings.surveys))
        return (
            f"proposed the survey {answer.survey[:40]!r}, which is not configured; configured: {known}",
            answer.survey[:40],
        )
    return f"failed to say whether it proposes a survey ({type(answer).__name__})", ""


def veto_reason(ctx: Context, event: Event, contact: Contact, trigger: Trigger) -> str | None:
    """The first refusal of a plugin, or none. A plugin that fails refuses: nobody is bothered by mistake."""
    survey = ctx.settings.surveys[trigger.survey]
    view = SurveyView(
        name=trigger.survey,
        touchpoint=trigger.touchpoint or survey.touchpoint or trigger.survey,
        channel=survey.channel,
    )
    for name, answer in ctx.plugins.call_each("nps_veto_survey", event=event, contact=contact, survey=view):
        if isinstance(answer, Exception):
            log.error("plugin %s failed to answer a veto: %s", name, type(answer).__name__)
            return f"{name}: failed ({type(answer).__name__})"
        if answer is not None:
            return f"{name}: {answer.reason}"
    return None
