"""What is delivered: one record per action, and the receipt that comes back."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from nps_connect.records.base import Line, Moment, Record, Text
from nps_connect.records.contacts import Contact
from nps_connect.records.messages import Message
from nps_connect.records.responses import ContactResponse, Response

Action = Literal[
    "send_fallback",
    "open_ticket",
    "update_ticket",
    "send_alert",
    "send_survey",
    "send_reminder",
    "write_score",
    "invite_review",
    "write_opt_out",
    "erase_contact",
]
"""Every effect outside the application. The order is the priority of their queues, first served first."""


class HoldCode(StrEnum):
    """Why a delivery waits: `held` until it is released, or `pending` with a later due time."""

    SHADOW = "shadow"
    IN_DOUBT = "in_doubt"
    SURVEY_PAUSED = "survey_paused"
    WAITS_FOR_TICKET = "waits_for_ticket"
    TICKET_OPEN = "ticket_open"
    QUIET_HOURS = "quiet_hours"
    DAILY_CAP = "daily_cap"
    CONFLICTING_SCORES = "conflicting_scores"
    DUPLICATE_RECEIPT = "duplicate_receipt"
    OPT_OUTS_UNKNOWN = "opt_outs_unknown"


class CancelCode(StrEnum):
    """Why a delivery is not sent at all."""

    SHADOW = "shadow"
    OPERATOR = "operator"
    DEPENDENCY_CANCELLED = "dependency_cancelled"
    CONTACT_BLOCKED = "contact_blocked"
    INVITATION_OVER = "invitation_over"
    SURVEY_EXPIRED = "survey_expired"
    COOLDOWN = "cooldown"
    ANSWERED = "answered"
    REPLACED_BY_CONFIRMATION = "replaced_by_confirmation"
    CONFIRMATION_OBSOLETE = "confirmation_obsolete"
    RESPONSE_CHANGED = "response_changed"
    SUPERSEDED = "superseded"
    REVIEW_DECLINED = "review_declined"
    REVIEW_LINK_OPENED = "review_link_opened"
    CASE_SOLVED = "case_solved"
    CASE_REOPENED = "case_reopened"


_HOLD_TEXTS: dict[HoldCode, str] = {
    HoldCode.SHADOW: "mode is shadow",
    HoldCode.IN_DOUBT: "it may have been sent already",
    HoldCode.SURVEY_PAUSED: "survey {detail} is paused",
    HoldCode.WAITS_FOR_TICKET: "waits for its ticket",
    HoldCode.TICKET_OPEN: "waits until the ticket is solved",
    HoldCode.QUIET_HOURS: "deferred: quiet hours for this contact until {detail}",
    HoldCode.DAILY_CAP: "{detail}",
    HoldCode.CONFLICTING_SCORES: "two different scores were submitted within seconds; waits for the next submission",
    HoldCode.DUPLICATE_RECEIPT: "the plugin returned the receipt of another delivery",
    HoldCode.OPT_OUTS_UNKNOWN: "whether this person opted out is unknown since the database was restored",
}
_CANCEL_TEXTS: dict[CancelCode, str] = {
    CancelCode.SHADOW: "mode is shadow: decided and recorded, not sent",
    CancelCode.OPERATOR: "cancelled by the operator",
    CancelCode.DEPENDENCY_CANCELLED: "the delivery that it waited for was cancelled",
    CancelCode.CONTACT_BLOCKED: "the contact must not be contacted",
    CancelCode.INVITATION_OVER: "its invitation is over",
    CancelCode.SURVEY_EXPIRED: "the survey had expired before it could be sent",
    CancelCode.COOLDOWN: (
        "surveyed within the cooldown: since the decision the address was changed or contacts were merged"
    ),
    CancelCode.ANSWERED: "answered meanwhile",
    CancelCode.REPLACED_BY_CONFIRMATION: "replaced by the request to confirm a score",
    CancelCode.CONFIRMATION_OBSOLETE: "the score need not be confirmed any more",
    CancelCode.RESPONSE_CHANGED: "the response was changed",
    CancelCode.SUPERSEDED: "superseded by a newer revision of the response",
    CancelCode.REVIEW_DECLINED: "no review invitation for this contact",
    CancelCode.REVIEW_LINK_OPENED: "the review link was opened",
    CancelCode.CASE_SOLVED: "the case was solved meanwhile",
    CancelCode.CASE_REOPENED: "the ticket was reopened",
}


def hold_text(code: str | None, detail: str | None = None) -> str | None:
    """Return the sentence for people for a hold code, or None where nothing is held."""
    return None if code is None else _HOLD_TEXTS[HoldCode(code)].format(detail=detail or "")


def cancel_text(code: CancelCode, detail: str | None = None) -> str:
    """Return the sentence for people for a cancel code; a given detail takes its place."""
    return detail or _CANCEL_TEXTS[code]


Priority = Literal["urgent", "high", "normal", "low"]
CommentPolicy = Literal["full", "link", "none"]
AlertSeverity = Literal["info", "warning", "failure"]


class ScoreUpdate(ContactResponse):
    """Write this score onto this contact's record.

    Attributes:
        idempotency_key: the delivery's key.
        contact: the person *at the connection that is written to* (the core has looked them up there).
        history: earlier answers, newest first; empty for the first answer.
        response_count: confirmed answers of this contact, this one included.
        comment_policy: whether the comment itself, a link to it, or nothing is written.
        comment_link: where staff can read the comment, for `link`: the answer's ticket, else the person's record at the
            connection they came from; none where neither helps (the record is the one that is written).
    """

    idempotency_key: str
    response_count: int = Field(default=1, ge=1)
    comment_policy: CommentPolicy = "full"
    comment_link: str | None = None


class TicketDraft(ContactResponse):
    """Open one ticket for this detractor.

    Attributes:
        idempotency_key: the same for every try; there is one ticket per case, whatever the revision.
        external_id: what to leave in the ticket so that it can be found again.
        subject: safe to be seen by the customer.
        body: plain text for staff, already worded in the company's language.
        priority: derived from the score.
        tags: without spaces.
        deadline: until when the customer has been promised an answer.
    """

    idempotency_key: str
    external_id: str
    subject: Line
    body: Text
    priority: Priority
    tags: tuple[str, ...] = ()
    deadline: Moment | None = None


class TicketUpdate(ContactResponse):
    """Tell an existing ticket what changed: a late comment, another score, a recovered customer.

    Attributes:
        ticket_id: the vendor's id from the receipt of `open_ticket`.
        body: plain text for a private comment.
        priority: the priority that the newest score asks for.
        tags: to be added, never to replace.
    """

    idempotency_key: str
    ticket_id: str
    body: Text
    priority: Priority
    tags: tuple[str, ...] = ()


class Alert(ContactResponse):
    """Tell a person now.

    Attributes:
        title: one line.
        body: plain text, in the company's language.
        link: where to act (the ticket, else the contact's record), if known.
        severity: `failure` for an urgent score and an overdue case, `warning` for other detractors, else `info`.
    """

    idempotency_key: str
    title: Line
    body: Text
    link: str | None = None
    severity: AlertSeverity = "info"


class ReviewInvitation(ContactResponse):
    """Ask this person for a review on one platform.

    Attributes:
        lead: `review` = the mail is the invitation; `help` = thanks and help first, the same link below.
        location: which of the platform's places, chosen from the contact's or event's fields; none = the default.
    """

    idempotency_key: str
    lead: Literal["review", "help"]
    location: str | None = None


class ReviewDestination(Record):
    """Where a person can write a review: the public page of the platform, an HTTPS address."""

    url: str
    title: Line


class OptOut(Record):
    """Our unsubscribe, to be told to the CRM."""

    idempotency_key: str
    contact: Contact
    at: Moment


class ContactErasure(Record):
    """A person who was erased: remove what deliveries of `write_score` have written about them at the vendor.

    Their contact, their tickets and their opt-out stay: people decide about these.

    Attributes:
        contact_ids: the person's ids at the connection, also those of contacts that were merged into another one.
        emails: their addresses, only where no id is known.
    """

    idempotency_key: str
    contact_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


Payload = ScoreUpdate | TicketDraft | TicketUpdate | Alert | ReviewInvitation | OptOut | ContactErasure | Message


class Receipt(Record):
    """What the vendor answered to a success.

    Attributes:
        id: the vendor's id of what was made or changed.
        link: address in the vendor's application, for people.
        note: one sentence when the success was not the plain one ("an answer of a later date was already there").
    """

    id: str
    link: str | None = None
    note: Line | None = None


class DeliveryView(Record):
    """A delivery as `nps_find_existing` sees it: what we would do again, if it is not there already."""

    action: Action
    idempotency_key: str
    payload: Payload
    first_started_at: Moment


__all__ = [
    "Action",
    "Alert",
    "AlertSeverity",
    "CancelCode",
    "CommentPolicy",
    "ContactErasure",
    "DeliveryView",
    "HoldCode",
    "OptOut",
    "Payload",
    "Priority",
    "Receipt",
    "Response",
    "ReviewDestination",
    "ReviewInvitation",
    "ScoreUpdate",
    "TicketDraft",
    "TicketUpdate",
    "cancel_text",
    "hold_text",
]
