"""Decide whether a solved case is followed up by a recovery survey."""

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
        event: the fact as veto hooks see it.
        now: the present moment.
        max_event_age: older facts lead to no survey.
        contact: the contact of the case, merges followed.
        suppression_reason: why the contact must not be contacted, or None.
        veto_reason: why a plugin refuses, or None.
        surveyed_before: a recovery survey of this case was planned or sent.
        is_recovery_response: the case was opened by the response to a recovery survey.
        do_not_contact: the customer asked not to be contacted about the response.
        is_recovered: the customer has given a better score since.
    """

    event: Event
    now: datetime
    max_event_age: timedelta
    contact: Contact
    suppression_reason: str | None = None
    veto_reason: str | None = None
    surveyed_before: bool = False
    is_recovery_response: bool = False
    do_not_contact: bool = False
    is_recovered: bool = False


def decide_recovery_survey(case: SolvedCase, *, delay: timedelta) -> TriggerDecision:
    """Decide on the recovery survey. It is exempt from the cooldown.

    Args:
        case: the case.
        delay: from the moment when the case was solved to the mail.
    """
    refusal = _block_reason(case)
    if refusal is not None:
        return TriggerDecision("no", *refusal)
    due_at = max(case.event.occurred_at + delay, case.now)
    detail = f"the case is solved; the recovery survey is due {format_duration(delay)} later, exempt from the cooldown"
    return TriggerDecision("yes", "surveyed", detail, due_at=due_at)


def _block_reason(case: SolvedCase) -> tuple[Reason, str] | None:
    contact, longest = case.contact, format_duration(case.max_event_age)
    refusals: tuple[tuple[bool, Reason, str], ...] = (
        (case.now - case.event.occurred_at > case.max_event_age, "too_old", f"solved more than {longest} ago"),
        (case.is_recovery_response, "cooldown", "the case follows a recovery survey: there is only one per case"),
        (case.surveyed_before, "cooldown", "a recovery survey was already sent for this case"),
        (case.is_recovered, "filter", "the customer has given a better score since"),
        (contact.deleted, "no_contact", "the contact has been deleted at the vendor"),
        (not contact.email, "no_address", "the contact has no e-mail address"),
        (contact.opted_out, "opted_out", f"{contact.connection} says that the contact opted out"),
        (case.do_not_contact, "opted_out", "the customer asked not to be contacted"),
        (case.suppression_reason is not None, "suppressed", f"must not be contacted: {case.suppression_reason}"),
        (case.veto_reason is not None, "veto", f"a plugin refuses: {case.veto_reason}"),
    )
    return next(((reason, detail) for applies, reason, detail in refusals if applies), None)
