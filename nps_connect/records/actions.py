"""Names of actions, and codes of why a delivery waits or is not sent: without the records, which are slow to import."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, get_args

Action = Literal[
    "send_fallback",
    "send_case_reminder",
    "open_ticket",
    "update_ticket",
    "send_alert",
    "send_survey",
    "send_reminder",
    "write_score",
    "invite_review",
    "write_opt_out",
    "erase_contact",
    "write_case_outcome",
    "send_webhook",
    "send_digest",
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
    RECIPIENT_LEFT = "recipient_left"


_HOLD_TEXTS: dict[HoldCode, str] = {
    HoldCode.SHADOW: "mode is shadow",
    HoldCode.IN_DOUBT: "it may have been sent already",
    HoldCode.SURVEY_PAUSED: "survey {detail} is paused",
    HoldCode.WAITS_FOR_TICKET: "waits for its ticket",
    HoldCode.TICKET_OPEN: "waits until the ticket or case is solved",
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
    CancelCode.RECIPIENT_LEFT: "this person does not receive the digest any more",
}


def hold_text(code: str | None, detail: str | None = None) -> str | None:
    """Return the sentence for people for a hold code, or None where nothing is held."""
    return None if code is None else _HOLD_TEXTS[HoldCode(code)].format(detail=detail or "")


def cancel_text(code: CancelCode, detail: str | None = None) -> str:
    """Return the sentence for people for a cancel code; a given detail takes its place."""
    return detail or _CANCEL_TEXTS[code]


Priority = Literal["urgent", "high", "normal", "low"]
CaseState = Literal["open", "solved", "recovered"]
CaseEntryKind = Literal["note", "called", "assigned", "solved", "reopened"]
CallOutcome = Literal["spoken", "not_reached", "call_again"]
Remedy = Literal["apology", "explanation", "compensation", "fix"]
"""What was done for an unhappy customer."""

REMEDIES: tuple[Remedy, ...] = get_args(Remedy)
CommentPolicy = Literal["full", "link", "none"]
AlertSeverity = Literal["info", "warning", "failure"]
