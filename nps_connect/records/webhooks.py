"""Webhooks that are sent: what they report, who receives them, and the shapes of their data.

The shapes are public: a receiver relies on them. A field may be added; none is removed or changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from nps_connect.records.base import Moment, Record, Score, Segment, Text
from nps_connect.records.responses import FollowUpAnswer

WebhookType = Literal[
    "response.recorded",
    "response.changed",
    "case.opened",
    "case.solved",
    "case.recovered",
    "decision.made",
    "contact.suppressed",
    "contact.erased",
]
ResponseWebhookType = Literal["response.recorded", "response.changed"]
CaseWebhookType = Literal["case.opened", "case.solved", "case.recovered"]


class WebhookSubscription(Record):
    """The webhooks that a connection receives.

    Attributes:
        types: what it is told.
        all_decisions: `decision.made` for refused and held surveys too, not only for those that are sent or deferred.
    """

    types: frozenset[WebhookType]
    all_decisions: bool = False


class OutgoingWebhook(Record):
    """One webhook: a fact, as it was when it happened.

    Attributes:
        idempotency_key: the delivery's key, and the id of the webhook: the same for every try.
        type: what happened.
        timestamp: when it happened.
        data: JSON-ready, in the shape of `WEBHOOK_DATA`.
    """

    idempotency_key: str
    type: WebhookType
    timestamp: Moment
    data: dict[str, Any]


class WebhookContact(Record):
    """A person.

    Attributes:
        connection: name of the connection that the person comes from.
        id: the id of the person there.
    """

    connection: str
    id: str


class WebhookResponse(Record):
    """A confirmed response.

    Attributes:
        id: the same for all revisions.
        revision: 1 for the first submission, one more for each change.
        survey: name of the survey.
        touchpoint: label of the moment that the survey asks about.
        score: 0 to 10.
        segment: 9 and 10 are promoters, 7 and 8 passives, others detractors.
        comment: the customer's own words, not escaped; untrusted.
        language: of the page that was submitted.
        answered_at: when this revision was submitted.
        do_not_contact: the customer asked not to be contacted about the response.
        follow_up: answers to follow-up questions.
    """

    id: str
    revision: int
    survey: str
    touchpoint: str
    score: Score
    segment: Segment
    comment: Text | None = None
    language: str
    answered_at: Moment
    do_not_contact: bool
    follow_up: tuple[FollowUpAnswer, ...] = ()


class ResponseData(Record):
    """Data of `response.recorded` and `response.changed`."""

    response: WebhookResponse
    contact: WebhookContact


class WebhookCase(Record):
    """The case of a detractor, which is named by its response.

    Attributes:
        response_id: id of the response that opened it.
        state: `open` or `solved`.
        connection: name of the helpdesk's connection; null for a case without a ticket.
        ticket_id: id of the current ticket there; null likewise.
        opened_at: when the case was opened.
        deadline: when a reply is due.
        reopened: how often the case was reopened.
        solved_at: when it was solved; null while the case is open.
        recovered_at: when the customer gave a better score; null before.
        recovered_score: that score.
    """

    response_id: str
    state: Literal["open", "solved"]
    connection: str | None
    ticket_id: str | None
    opened_at: Moment
    deadline: Moment | None = None
    reopened: int = 0
    solved_at: Moment | None = None
    recovered_at: Moment | None = None
    recovered_score: Score | None = None


class CaseData(Record):
    """Data of `case.opened`, `case.solved` and `case.recovered`."""

    case: WebhookCase
    contact: WebhookContact


class WebhookDecision(Record):
    """The decision of a trigger on an event.

    Attributes:
        trigger: label of the trigger.
        survey: name of the survey.
        verdict: `yes`, `deferred`, `no` or `held`.
        reason: code of the reason, as in `explain`.
        decided_at: when it was made.
        eligible_at: for `deferred`: when it is decided again.
    """

    trigger: str
    survey: str
    verdict: str
    reason: str
    decided_at: Moment
    eligible_at: Moment | None = None


class WebhookEvent(Record):
    """The event that was decided on.

    Attributes:
        connection: name of the connection that reported it.
        kind: such as `deal.won`.
        object_id: id of the object at the connection, such as that of the deal.
        occurred_at: when it happened.
    """

    connection: str
    kind: str
    object_id: str
    occurred_at: Moment


class DecisionData(Record):
    """Data of `decision.made`; the contact is null where the event names no single person."""

    decision: WebhookDecision
    event: WebhookEvent
    contact: WebhookContact | None = None


class SuppressionData(Record):
    """Data of `contact.suppressed`.

    Attributes:
        contact: the person.
        reason: `opted_out`, `objected` (a complaint), `bounced`.
    """

    contact: WebhookContact
    reason: str


class ErasureData(Record):
    """Data of `contact.erased`: nothing but the id."""

    contact: WebhookContact


WEBHOOK_DATA: Mapping[WebhookType, type[Record]] = MappingProxyType(
    {
        "response.recorded": ResponseData,
        "response.changed": ResponseData,
        "case.opened": CaseData,
        "case.solved": CaseData,
        "case.recovered": CaseData,
        "decision.made": DecisionData,
        "contact.suppressed": SuppressionData,
        "contact.erased": ErasureData,
    }
)
"""The shape of the data of each type."""
