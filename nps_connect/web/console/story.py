"""The story of a response in words: what led to it and what followed, from the entries of its timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from nps_connect.records.actions import Action
from nps_connect.rendering.case_texts import EntryFacts, entry_sentence
from nps_connect.rendering.labels import action_label, language_label, readable_name
from nps_connect.services.operations.explain import Timeline
from nps_connect.services.operations.timeline import TimelineEntry
from nps_connect.web.console.console_page import ConsolePage

_WEB_LINKS = ("https://", "http://")


@dataclass(frozen=True)
class StoryLine:
    """One step of a story.

    Attributes:
        at: when it happened (UTC).
        text: what happened.
        detail: more about it, or None.
        link: to what it led to at a vendor, such as the ticket; None if there is none.
        is_problem: somebody has to look after it.
        id: of its row, for whoever searches it with the command line.
    """

    at: datetime
    text: str
    detail: str | None = None
    link: str | None = None
    is_problem: bool = False
    id: str = ""


def describe_story(page: ConsolePage, timeline: Timeline) -> list[StoryLine]:
    """Return the steps of a response, oldest first, in the language of the page."""
    steps = [_DESCRIBE[entry.kind](page, entry) for entry in timeline.entries]
    return sorted(steps, key=lambda step: step.at)


def _event(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    kind = str(entry.facts["kind"])
    names = {
        "deal.won": _("A deal was won"),
        "order.paid": _("An order was paid"),
        "order.completed": _("An order was completed"),
        "order.shipped": _("An order was shipped"),
        "order.delivered": _("An order was delivered"),
        "invoice.paid": _("An invoice was paid"),
        "subscription.renewed": _("A subscription was renewed"),
        "appointment.completed": _("An appointment took place"),
        "ticket.solved": _("A ticket was solved"),
        "schedule.due": _("A recurring survey was due"),
    }
    text = names.get(kind) or _("Something happened: %(kind)s") % {"kind": readable_name(kind.replace(".", " "))}
    return _line(entry, text, _("reported by %(connection)s") % {"connection": entry.facts["connection"]})


def _decision(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    texts = {
        "yes": _("Decided to ask the customer"),
        "no": _("Decided not to ask the customer"),
        "deferred": _("Asking the customer was put off"),
        "held": _("Asking the customer waits for a release"),
    }
    reasons = {
        "too_old": _("it was too long ago"),
        "opted_out": _("the customer wants no surveys"),
        "suppressed": _("the customer must not be contacted"),
        "cooldown": _("the customer was asked recently"),
        "sample": _("only some customers are asked, and the draw was no"),
        "filter": _("the rules of this survey exclude it"),
        "no_address": _("there is no address to write to"),
        "daily_cap": _("the day's limit of surveys was reached"),
    }
    verdict = str(entry.facts["verdict"])
    return _line(entry, texts.get(verdict) or _("Decided again"), reasons.get(str(entry.facts["reason"])))


def _invitation(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    facts = entry.facts
    survey, language = readable_name(str(facts["survey"])), language_label(str(facts["language"]), page.language)
    texts = {
        "planned": _("Survey “%(survey)s” was planned"),
        "sent": _("Survey “%(survey)s” was prepared"),
        "cancelled": _("Survey “%(survey)s” was cancelled"),
        "shadow": _("Survey “%(survey)s” would have been sent: the system only practises"),
        "imported": _("Survey “%(survey)s” was taken over from another tool"),
    }
    return _line(entry, texts[str(facts["state"])] % {"survey": survey}, _("in %(language)s") % {"language": language})


def _visit(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    texts = {
        "survey": _("The survey page was opened"),
        "review": _("The link to the review page was opened"),
        "unsubscribe": _("The page to unsubscribe was opened"),
    }
    score = entry.facts.get("score")
    detail = None if score is None else _("score %(score)s was clicked in the mail") % {"score": score}
    if entry.facts.get("method") == "HEAD":
        detail = _("by a program, not a person")
    return _line(entry, texts[str(entry.facts["purpose"])], detail)


def _response(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    values = {"score": entry.facts["score"]}
    revision = entry.facts["revision"]
    if revision == 0:
        return _line(entry, _("Score %(score)s was clicked but not confirmed") % values)
    if revision == 1:
        return _line(entry, _("The customer answered: score %(score)s") % values)
    return _line(entry, _("The customer changed the answer: score %(score)s") % values)


def _case(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    if "work" in entry.facts:
        work = EntryFacts(
            kind=entry.facts["work"],
            actor=entry.facts["by"],
            call_outcome=entry.facts["call_outcome"],
            next_contact_at=entry.facts["next_contact_at"],
            assigned_to=entry.facts["assigned_to"],
        )
        sentence = entry_sentence(work, page.language, page.ctx.settings.core.zone)
        return _line(entry, sentence.removesuffix("."), _("by %(who)s") % {"who": work.actor})
    texts = (
        ("case opened", _("A case was opened: somebody is to call")),
        ("case overdue", _("The case was late: the team was reminded")),
        ("case solved", _("The case was solved")),
        ("customer recovered", _("The customer was won back")),
    )
    text = next((words for start, words in texts if entry.text.startswith(start)), _("The case was worked on"))
    score = entry.facts.get("recovered_score")
    is_recovery = entry.text.startswith("customer recovered") and score is not None
    return _line(entry, text, _("new score %(score)s") % {"score": score} if is_recovery else None)


def _delivery(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    facts = entry.facts
    state = str(facts["state"])
    states = {
        "pending": _("planned"),
        "running": _("under way"),
        "succeeded": _("done"),
        "skipped": _("not needed"),
        "dead": _("failed"),
        "cancelled": _("cancelled"),
        "held": _("waits"),
    }
    action = str(facts["action"])
    name = action_label(facts["action"], page.language) if action in get_args(Action) else readable_name(action)
    link = facts.get("receipt_link")
    return StoryLine(
        at=facts.get("finished_at") or entry.at,
        text=_("%(what)s: %(state)s") % {"what": name[:1].upper() + name[1:], "state": states[state]},
        detail=_("by %(connection)s") % {"connection": facts["connection"]},
        link=link if isinstance(link, str) and link.startswith(_WEB_LINKS) else None,
        is_problem=state in ("dead", "held"),
        id=f"{entry.kind} {entry.id}",
    )


def _suppression(page: ConsolePage, entry: TimelineEntry) -> StoryLine:
    _ = page.gettext
    reasons = {
        "opted_out": _("The customer wants no more mail"),
        "bounced": _("The mail address does not work"),
        "erased": _("The customer's data were erased"),
        "objected": _("The customer objected"),
        "unconfirmed": _("Not to be contacted until the opt-outs are known again"),
    }
    return _line(entry, reasons.get(str(entry.facts["reason"])) or _("Not to be contacted"))


def _line(entry: TimelineEntry, text: str, detail: str | None = None) -> StoryLine:
    return StoryLine(entry.at, text, detail, id=f"{entry.kind} {entry.id}")


_DESCRIBE: Mapping[str, Callable[[ConsolePage, Any], StoryLine]] = {
    "event": _event,
    "decision": _decision,
    "invitation": _invitation,
    "visit": _visit,
    "response": _response,
    "case": _case,
    "delivery": _delivery,
    "suppression": _suppression,
}
