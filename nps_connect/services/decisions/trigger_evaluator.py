"""Evaluate events against the triggers of one configuration: for decisions, dry runs and simulations."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory, SurveyProposal, SurveyView
from nps_connect.rules.evaluate import OPEN_VERDICTS, evaluate
from nps_connect.rules.limit_state import LimitState
from nps_connect.rules.trigger_decision import Candidate, TriggerDecision, with_reason
from nps_connect.services.contacts.contact_batch import ContactRef, single_contact
from nps_connect.services.context import Context
from nps_connect.services.invitations.campaigns import CAMPAIGN_EVENT_KIND, approve_campaign, campaign_trigger
from nps_connect.settings.model import Trigger
from nps_connect.settings.triggers import SCHEDULE_EVENT_KIND


class EventOfConnection(Protocol):
    """Anything that holds an event and the name of its connection."""

    @property
    def connection(self) -> str:
        """Name of the connection."""

    @property
    def event(self) -> Event:
        """The completed event."""


class StoredEvent(NamedTuple):
    """An event with its row id. `received_at` of a replayed event is the time of the replay."""

    id: int
    connection: str
    received_at: datetime
    attempts: int
    event: Event

    @property
    def ref(self) -> str:
        """Connection and key, which identify the fact in every database."""
        return f"{self.connection}:{self.event.key}"


def decision_columns(
    row: StoredEvent, trigger: Trigger, decision: TriggerDecision, contact_id: int | None, now: datetime
) -> dict[str, Any]:
    """Return the columns of a decision on an event."""
    return {
        "event_id": row.id,
        "trigger": trigger.label,
        "survey": trigger.survey,
        "contact_id": contact_id,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "detail": decision.detail,
        "decided_at": now,
        "eligible_at": decision.eligible_at,
    }


T = TypeVar("T", bound=EventOfConnection)


class TriggerEvaluator:
    """Evaluates events against the configured triggers and against plugin proposals and vetoes.

    Args:
        ctx: the joined parts.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._has_proposals = ctx.plugins.is_implemented("nps_trigger_survey")
        self._has_vetoes = ctx.plugins.is_implemented("nps_veto_survey")
        self._triggers: dict[tuple[str, str], list[Trigger]] = defaultdict(list)
        priorities = set()
        for trigger in ctx.settings.all_triggers:
            self._triggers[trigger.source, trigger.on].append(trigger)
            priorities.add(trigger.priority)
        self._has_priorities = len(priorities) > 1

    @property
    def needs_history(self) -> bool:
        """Whether a filter or a plugin uses earlier responses and surveys."""
        return self._has_proposals or any(
            name.startswith("history.") for compiled in self._ctx.filters.values() for name in compiled.person_fields
        )

    def has_listeners(self, connection: str, kind: str) -> bool:
        """Whether an event of this kind may lead to a survey."""
        return (connection, kind) in self._triggers or self._has_proposals

    def evaluate(
        self, connection: str, candidate: Candidate, limit_state: LimitState
    ) -> list[tuple[Trigger, TriggerDecision]]:
        """Decide an event for every trigger that listens to it and every survey that a plugin proposes."""
        event = candidate.event
        triggers = self._triggers.get((connection, event.kind), [])
        if event.kind == SCHEDULE_EVENT_KIND:  # of one survey; no source can make such a key
            triggers = [trigger for trigger in triggers if event.key.startswith(f"{trigger.label}:")]
        if event.kind == CAMPAIGN_EVENT_KIND:
            campaign = campaign_trigger(self._ctx.settings, connection, event)
            if campaign is not None:
                triggers, candidate = [campaign, *triggers], approve_campaign(candidate, campaign)
        if self._has_proposals and candidate.person is not None:
            history = candidate.person.history
            proposals = collect_proposals(self._ctx, connection, event, candidate.contacts[0], history)
            return self._evaluate_with_proposals(candidate, triggers, proposals, limit_state)
        return self._evaluate(candidate, triggers, limit_state)

    def _evaluate_with_proposals(
        self, candidate: Candidate, triggers: Sequence[Trigger], proposals: PluginProposals, limit_state: LimitState
    ) -> list[tuple[Trigger, TriggerDecision]]:
        reasons = {trigger.label: reason for trigger, reason in proposals.usable}
        triggers = [*triggers, *(trigger for trigger, _ in proposals.usable)]
        decisions = [
            (trigger, with_reason(decision, reasons.get(trigger.label)))
            for trigger, decision in self._evaluate(candidate, triggers, limit_state)
        ]
        verdicts = candidate.earlier_verdicts
        unusable = [pair for pair in proposals.unusable if verdicts.get(pair[0].label) in OPEN_VERDICTS]
        return [*decisions, *unusable]

    def _evaluate(
        self, candidate: Candidate, triggers: Sequence[Trigger], limit_state: LimitState
    ) -> list[tuple[Trigger, TriggerDecision]]:
        ctx = self._ctx

        def check_veto(trigger: Trigger) -> str | None:
            return veto_reason(ctx, candidate.event, candidate.contacts[0], trigger)

        return evaluate(
            candidate,
            triggers,
            limit_state,
            limits=ctx.settings.limits,
            filters=ctx.filters,
            check_veto=check_veto if self._has_vetoes and len(candidate.contacts) == 1 else None,
        )

    def sort_by_priority(self, batch: Sequence[T]) -> list[T]:
        """Sort the events of each person by priority, within the positions that they have in the batch.

        The priority of an event is the highest of the triggers that listen to it and whose filter may pass.
        """
        ordered = list(batch)
        if not self._has_priorities:
            return ordered
        for positions in self._positions_by_contact(batch).values():
            ranked = sorted((batch[position] for position in positions), key=lambda item: -self._priority(item))
            for position, item in zip(positions, ranked, strict=True):
                ordered[position] = item
        return ordered

    def _positions_by_contact(self, batch: Sequence[T]) -> dict[ContactRef, list[int]]:
        positions: dict[ContactRef, list[int]] = defaultdict(list)
        for position, item in enumerate(batch):
            ref = single_contact(item.event.contacts)
            if ref is not None:
                positions[ref].append(position)
        return positions

    def _priority(self, item: EventOfConnection) -> int:
        def may_pass(trigger: Trigger) -> bool:
            compiled = self._ctx.filters.get(trigger.label)
            return compiled is None or bool(compiled.person_fields) or compiled.matches(item.event.fields)

        listeners = self._triggers.get((item.connection, item.event.kind), ())
        return max((trigger.priority for trigger in listeners if may_pass(trigger)), default=0)


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
