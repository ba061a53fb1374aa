"""Which triggers listen to an event, and what they decide: the same for the walk, a dry run and a simulation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from nps_connect.records.events import Event
from nps_connect.rules.limit_state import OPEN_VERDICTS, Candidate, LimitState, evaluate
from nps_connect.rules.trigger_decision import TriggerDecision, with_reason
from nps_connect.services.contacts.contact_batch import ContactRef, single_contact
from nps_connect.services.context import Context
from nps_connect.services.decisions.plugin_proposals import PluginProposals, collect_proposals, veto_reason
from nps_connect.services.invitations.campaigns import approve_campaign, campaign_trigger
from nps_connect.settings.model import Trigger

T = TypeVar("T")


@dataclass(frozen=True)
class TriggerEvaluator:
    """The judge's bench for one configuration.

    Attributes:
        ctx: the joined parts.
        plugins: ask plugins for proposals and vetoes too.
    """

    ctx: Context
    plugins: bool = True
    _asked: frozenset[str] = field(default=frozenset(), init=False)
    _listeners: dict[tuple[str, str], list[Trigger]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Look once which of the deciding hooks any plugin has."""
        plugins = self.ctx.plugins
        hooks = ("nps_trigger_survey", "nps_veto_survey") if self.plugins else ()
        asked = frozenset(hook for hook in hooks if any(plugins.has(name, hook) for name in plugins.infos))
        object.__setattr__(self, "_asked", asked)

    @property
    def needs_history(self) -> bool:
        """Whether a filter or a plugin wants to know of answers and surveys of before."""
        filters = self.ctx.filters.values()
        return "nps_trigger_survey" in self._asked or any(
            name.startswith("history.") for one in filters for name in one.person_fields
        )

    def has_listeners(self, connection: str, kind: str) -> bool:
        """Whether an event of this kind may lead to a survey at all."""
        return bool(self._triggers_for(connection, kind)) or "nps_trigger_survey" in self._asked

    def rule(self, connection: str, case: Candidate, books: LimitState) -> list[tuple[Trigger, TriggerDecision]]:
        """Rule on every trigger that listens to an event."""
        ctx = self.ctx

        proposals = self._proposals(connection, case)
        triggers = [*self._triggers_for(connection, case.event.kind), *(trigger for trigger, _ in proposals.usable)]
        campaign = campaign_trigger(ctx.settings, connection, case.event)
        if campaign is not None:
            triggers, case = [campaign, *triggers], approve_campaign(case, campaign)
        unusable = [(one, ruling) for one, ruling in proposals.unusable if case.before.get(one.label) in OPEN_VERDICTS]
        if not triggers:
            return unusable

        def veto(trigger: Trigger) -> str | None:
            return veto_reason(ctx, case.event, case.contacts[0], trigger) if len(case.contacts) == 1 else None

        asked = veto if "nps_veto_survey" in self._asked else None
        rulings = evaluate(case, triggers, books, limits=ctx.settings.limits, filters=ctx.filters, veto=asked)
        if not proposals.usable:
            return [*rulings, *unusable]
        why = {trigger.label: reason for trigger, reason in proposals.usable}
        return [*((trigger, with_reason(ruling, why.get(trigger.label))) for trigger, ruling in rulings), *unusable]

    def sort_by_priority(self, connection: str, batch: Sequence[T], event_of: Callable[[T], Event]) -> list[T]:
        """The same batch, in which the events of one person come by priority; everybody keeps their places.

        An event's priority is the highest of the triggers that listen to it and whose filter may hold.
        """
        if len({trigger.priority for trigger in self.ctx.settings.triggers}) < 2:  # nothing competes
            return list(batch)
        places: dict[ContactRef, list[int]] = defaultdict(list)
        for place, one in enumerate(batch):
            key = single_contact(event_of(one).contacts)
            if key is not None:
                places[key].append(place)
        ordered = list(batch)
        for own in places.values():
            if len(own) > 1:
                ranked = sorted(own, key=lambda place: -self._priority(connection, event_of(batch[place])))
                for place, taken in zip(own, ranked, strict=True):
                    ordered[place] = batch[taken]
        return ordered

    def _priority(self, connection: str, event: Event) -> int:
        found = [
            trigger.priority
            for trigger in self._triggers_for(connection, event.kind)
            if (asked := self.ctx.filters.get(trigger.label)) is None
            or asked.person_fields
            or asked.matches(event.fields)
        ]
        return max(found, default=0)

    def _triggers_for(self, connection: str, kind: str) -> list[Trigger]:
        key = (connection, kind)
        if key not in self._listeners:
            own = [one for one in self.ctx.settings.triggers if one.source == connection and one.on == kind]
            self._listeners[key] = own
        return self._listeners[key]

    def _proposals(self, connection: str, case: Candidate) -> PluginProposals:
        if "nps_trigger_survey" not in self._asked or case.person is None:
            return PluginProposals()
        return collect_proposals(self.ctx, connection, case.event, case.contacts[0], case.person.history)
