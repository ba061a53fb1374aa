"""Whether a solved case is followed up by one more survey. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.rules.trigger_decision import Reason, TriggerDecision
from nps_connect.settings.durations import format_duration

CASE_SOLVED_KIND = "case.solved"
"""Kind of the event that vetoes see. The ticket itself is our own and never leads to a survey."""


@dataclass(frozen=True)
class SolvedCase:
    """A case that was just solved.

    Attributes:
        event: the fact, as vetoes see it.
        now: the present moment.
        max_event_age: older facts lead to nothing.
        contact: the person of the case, merges followed.
        suppressed: why they must not be written to, or none.
        vetoed: why a plugin refuses, or none.
        asked_before: a follow-up of this case was planned or sent.
        is_follow_up: the case itself came from a follow-up.
        do_not_contact: the customer asked not to be contacted about the answer.
        recovered: the customer has given a better score already.
    """

    event: Event
    now: datetime
    max_event_age: timedelta
    contact: Contact
    suppressed: str | None = None
    vetoed: str | None = None
    asked_before: bool = False
    is_follow_up: bool = False
    do_not_contact: bool = False
    recovered: bool = False


def decide_recovery_survey(case: SolvedCase, *, delay: timedelta) -> TriggerDecision:
    """The ruling on the follow-up. The cooldown is not asked: this is its named exception.

    Args:
        case: the case.
        delay: from the moment it was solved to the mail.
    """
    refusal = _block_reason(case)
    if refusal is not None:
        return TriggerDecision("no", *refusal)
    due = max(case.event.occurred_at + delay, case.now)
    detail = f"the case is solved; its follow-up is due {format_duration(delay)} later, whatever the cooldown says"
    return TriggerDecision("yes", "surveyed", detail, due_at=due)


def _block_reason(case: SolvedCase) -> tuple[Reason, str] | None:
    contact, longest = case.contact, format_duration(case.max_event_age)
    refusals: tuple[tuple[bool, Reason, str], ...] = (
        (case.now - case.event.occurred_at > case.max_event_age, "too_old", f"solved more than {longest} ago"),
        (case.is_follow_up, "cooldown", "the case came from a follow-up itself: nobody is asked over and over"),
        (case.asked_before, "cooldown", "the customer was asked again after this case already"),
        (case.recovered, "filter", "the customer has given a better score since"),
        (contact.deleted, "no_contact", "the contact has been deleted at the vendor"),
        (not contact.email, "no_address", "the contact has no e-mail address"),
        (contact.opted_out, "opted_out", f"{contact.connection} says that the contact opted out"),
        (case.do_not_contact, "opted_out", "the customer asked not to be contacted about the answer"),
        (case.suppressed is not None, "suppressed", f"must not be written to: {case.suppressed}"),
        (case.vetoed is not None, "veto", f"a plugin refuses: {case.vetoed}"),
    )
    return next(((reason, detail) for holds, reason, detail in refusals if holds), None)
