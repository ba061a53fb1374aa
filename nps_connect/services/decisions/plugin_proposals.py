"""Ask plugins for survey proposals and vetoes. Cooldown and suppression are checked by the core in any case."""

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

MAX_LABEL_LENGTH = 140
MAX_SHOWN_NAME = 40


@dataclass(frozen=True)
class PluginProposals:
    """What plugins propose for an event.

    Attributes:
        usable: a trigger for each proposal, with the reason that the plugin states.
        unusable: proposals that cannot be carried out, each with its refusal.
    """

    usable: tuple[tuple[Trigger, str], ...] = ()
    unusable: tuple[tuple[Trigger, TriggerDecision], ...] = ()


def collect_proposals(
    ctx: Context, connection: str, event: Event, contact: Contact, history: ContactHistory
) -> PluginProposals:
    """Ask every plugin for proposals. A plugin that fails or names an unknown survey leaves a refusal."""
    usable, unusable = [], []
    for name, proposal in ctx.plugins.call_each("nps_trigger_survey", event=event, contact=contact, history=history):
        if isinstance(proposal, SurveyProposal) and proposal.survey in ctx.settings.surveys:
            label = f"plugin:{name}:{proposal.survey}"
            trigger = Trigger(on=event.kind, source=connection, survey=proposal.survey, name=label)
            usable.append((trigger, f"{name} proposed it: {proposal.reason}"))
        elif proposal is not None:
            problem, survey = _describe_problem(ctx, proposal)
            log.error("proposal_unusable plugin=%s problem=%s", name, problem)
            label = f"plugin:{name}:{survey}" if survey else f"plugin:{name}"
            trigger = Trigger.model_construct(
                on=event.kind, source=connection, survey=survey, name=label[:MAX_LABEL_LENGTH]
            )
            unusable.append((trigger, TriggerDecision("no", "unusable_proposal", f"{name} {problem}")))
    return PluginProposals(tuple(usable), tuple(unusable))


def _describe_problem(ctx: Context, proposal: object) -> tuple[str, str]:
    """Return the predicate of a sentence about an unusable proposal, and the survey that it names."""
    if not isinstance(proposal, SurveyProposal):
        return f"failed to say whether it proposes a survey ({type(proposal).__name__})", ""
    survey, configured = proposal.survey[:MAX_SHOWN_NAME], ", ".join(sorted(ctx.settings.surveys))
    return f"proposed the survey {survey!r}, which is not configured; configured: {configured}", survey


def veto_reason(ctx: Context, event: Event, contact: Contact, trigger: Trigger) -> str | None:
    """Return the first refusal of a plugin, or None. A plugin that fails refuses: nobody is contacted by mistake."""
    survey = ctx.settings.surveys[trigger.survey]
    view = SurveyView(
        name=trigger.survey,
        touchpoint=trigger.touchpoint or survey.touchpoint or trigger.survey,
        channel=survey.channel,
    )
    for name, veto in ctx.plugins.call_each("nps_veto_survey", event=event, contact=contact, survey=view):
        if isinstance(veto, Exception):
            log.error("veto_failed plugin=%s error=%s", name, type(veto).__name__)
            return f"{name}: failed ({type(veto).__name__})"
        if veto is not None:
            return f"{name}: {veto.reason}"
    return None
