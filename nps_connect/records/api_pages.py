"""What the API returns page by page, and the NPS."""

from __future__ import annotations

from datetime import datetime

from nps_connect.records.api_requests import ApiModel
from nps_connect.records.base import Segment
from nps_connect.records.responses import CollectedBy


class PersonItem(ApiModel):
    """A person in what is read.

    Attributes:
        pseudonym: the same for every reading of this contact.
        connection: of the contact.
        id, email, name: null without the scope `people`.
    """

    pseudonym: str
    connection: str
    id: str | None
    email: str | None
    name: str | None


class AnswerItem(ApiModel):
    """The answer to a follow-up question."""

    name: str
    question: str
    answer: str


class ResponseItem(ApiModel):
    """A confirmed response in its newest revision."""

    id: str
    survey: str
    touchpoint: str
    score: int
    segment: Segment
    comment: str | None
    language: str
    answered_at: datetime
    collected_by: CollectedBy
    revision: int
    do_not_contact: bool
    follow_up: tuple[AnswerItem, ...]
    contact: PersonItem


class ResponsePage(ApiModel):
    """A page of responses; `next_cursor` is null on the last one."""

    items: tuple[ResponseItem, ...]
    next_cursor: str | None


class NpsResult(ApiModel):
    """The Net Promoter Score of confirmed responses.

    Attributes:
        score: % promoters - % detractors; null without responses.
        margin: half the width of the 95 % interval; null without responses, never 0.
        low, high: the ends of the interval.
        responses: number of responses, the sum of the three segments.
        provisional_share: share of provisional responses in all; they count nowhere else.
        too_small: too few responses to judge.
    """

    score: float | None
    margin: float | None
    low: float | None
    high: float | None
    responses: int
    promoters: int
    passives: int
    detractors: int
    provisional_share: float
    too_small: bool


class DecisionItem(ApiModel):
    """The decision of a trigger on an event.

    Attributes:
        trigger: its label.
        survey: of the trigger.
        verdict: yes, no, deferred, held, released or again.
        reason: a code.
        detail: the reason in words.
        decided_at: when.
        eligible_at: when a deferred one is decided again.
        event_kind, event_key, occurred_at: of the event.
    """

    trigger: str
    survey: str
    verdict: str
    reason: str
    detail: str
    decided_at: datetime
    eligible_at: datetime | None
    event_kind: str
    event_key: str
    occurred_at: datetime


class DecisionPage(ApiModel):
    """A page of decisions; `next_cursor` is null on the last one."""

    items: tuple[DecisionItem, ...]
    next_cursor: str | None


class SuppressionItem(ApiModel):
    """A suppression.

    Attributes:
        reason: opted_out, bounced, erased, objected or unconfirmed.
        source: where it came from.
        of: person or mailbox.
        since: when it was added.
        is_provisional: it is one of many bounces within an hour, which staff have not confirmed.
        contact: a contact that it concerns now.
    """

    reason: str
    source: str
    of: str
    since: datetime
    is_provisional: bool
    contact: PersonItem | None


class SuppressionPage(ApiModel):
    """A page of suppressions; `next_cursor` is null on the last one."""

    items: tuple[SuppressionItem, ...]
    next_cursor: str | None


class CaseItem(ApiModel):
    """A detractor to win back.

    Attributes:
        response: id of the response, by which the case is named.
        state: open, overdue, solved or recovered.
        connection: of the ticket; null for a case without one.
        owner, assigned_to, ticket_id, ticket_link: null without the scope `people`.
        deadline: until when the customer is to be contacted.
        next_contact_at: when the customer is to be called again; then this counts instead of the deadline.
        remedies: what was done for the customer.
    """

    response: str
    state: str
    score: int
    survey: str
    connection: str | None
    ticket_id: str | None
    ticket_link: str | None
    owner: str | None
    assigned_to: str | None
    opened_at: datetime
    deadline: datetime | None
    next_contact_at: datetime | None
    solved_at: datetime | None
    reopened: int
    remedies: tuple[str, ...]
    recovered_at: datetime | None
    recovered_score: int | None
    contact: PersonItem


class CaseHistoryItem(ApiModel):
    """What a member of staff did about a case.

    Attributes:
        kind: note, called, assigned, solved or reopened.
        by: who did it; null without the scope `people`, like `text` and `assigned_to`.
        call_outcome: for a call: spoken, not_reached or call_again.
    """

    at: datetime
    kind: str
    by: str | None
    text: str | None
    call_outcome: str | None
    next_contact_at: datetime | None
    assigned_to: str | None
    remedies: tuple[str, ...]


class CaseDetails(ApiModel):
    """A case with its history, oldest first."""

    case: CaseItem
    history: tuple[CaseHistoryItem, ...]


class CasePage(ApiModel):
    """A page of cases; `next_cursor` is null on the last one."""

    items: tuple[CaseItem, ...]
    next_cursor: str | None
