"""Texts about cases: what staff did, for the console, for mails to staff and for private comments on tickets."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nps_connect.records.actions import CallOutcome, CaseEntryKind, Remedy
from nps_connect.rendering.catalogs import load_translations, translator
from nps_connect.rendering.labels import format_datetime
from nps_connect.sanitization import one_line


class EntryFacts(NamedTuple):
    """What a member of staff did about a case."""

    kind: CaseEntryKind
    actor: str
    text: str | None = None
    call_outcome: CallOutcome | None = None
    next_contact_at: datetime | None = None
    assigned_to: str | None = None
    remedies: tuple[Remedy, ...] = ()


def remedy_label(remedy: Remedy, language: str) -> str:
    """Return what was done for a customer, in one or two words."""
    _ = load_translations(language).gettext
    labels: dict[Remedy, str] = {
        "apology": _("Apology"),
        "explanation": _("Explanation"),
        "compensation": _("Compensation"),
        "fix": _("Problem fixed"),
    }
    return labels[remedy]


def entry_sentence(facts: EntryFacts, language: str, zone: ZoneInfo) -> str:
    """Return what was done in one sentence, without who did it and without the note."""
    _ = load_translations(language).gettext
    moment = format_datetime(facts.next_contact_at, zone, language) if facts.next_contact_at is not None else None
    if facts.kind == "called":
        outcomes: dict[CallOutcome, str] = {
            "spoken": _("Called: spoke with the customer."),
            "not_reached": _("Called: not reached."),
            "call_again": _("Called: to be called again."),
        }
        sentence, next_call = outcomes[facts.call_outcome or "spoken"], _("Next call: %(moment)s.")
        return f"{sentence} {next_call % {'moment': moment}}" if moment else sentence
    if facts.kind == "assigned":
        address = facts.assigned_to
        return _("Assigned to %(address)s.") % {"address": address} if address else _("Assigned to nobody.")
    if facts.kind == "solved":
        done = ", ".join(remedy_label(remedy, language) for remedy in facts.remedies)
        return _("Solved. Done for the customer: %(done)s.") % {"done": done} if done else _("Solved.")
    return _("Reopened.") if facts.kind == "reopened" else _("Note.")


def render_ticket_note(language: str, facts: EntryFacts, zone: ZoneInfo) -> str:
    """Return the private comment that tells a ticket what was done about its case here."""
    tongue, _ = translator(language)
    lines = [f"{one_line(facts.actor, 100)}: {entry_sentence(facts, tongue, zone)}"]
    lines += [f"> {line}" for line in (facts.text or "").split("\n") if line]
    return "\n".join(lines) + "\n"
