"""What is delivered: one record per action, and the receipt that comes back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nps_connect.records.actions import Action, AlertSeverity, CaseState, CommentPolicy, Priority
from nps_connect.records.base import Line, Moment, Record, Score, Text
from nps_connect.records.contacts import Contact
from nps_connect.records.messages import Message
from nps_connect.records.responses import ContactResponse
from nps_connect.records.webhooks import OutgoingWebhook


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


class CaseOutcome(ContactResponse):
    """Write onto this contact's record what has become of the case that a response of theirs opened.

    A contact may have several cases. The record holds the newest one: of two outcomes the one with the later
    `opened_at` wins, and of one case the one with the higher `revision`.

    Attributes:
        idempotency_key: the delivery's key.
        contact: the person *at the connection that is written to*.
        response: the response that opened the case, in its newest revision.
        state: `recovered` once the customer has given a better score, else the state of the ticket.
        opened_at: when the case was opened.
        changed_at: since when it is in this state.
        revision: 1 for the new case, one more for each change.
        handled_by: name of the agent who had the ticket when the helpdesk last reported a change, if it told one.
        deadline: until when the customer has been promised an answer.
        recovered_score: the better score.
        ticket_link: to the ticket in the helpdesk's application.
    """

    idempotency_key: str
    state: CaseState
    opened_at: Moment
    changed_at: Moment
    revision: int = Field(ge=1)
    handled_by: Line | None = None
    deadline: Moment | None = None
    recovered_score: Score | None = None
    ticket_link: str | None = None


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
        owner: address of the contact's owner in the CRM; None if unknown. The body names it too.
    """

    idempotency_key: str
    external_id: str
    subject: Line
    body: Text
    priority: Priority
    tags: tuple[str, ...] = ()
    deadline: Moment | None = None
    owner: str | None = None


class TicketUpdate(ContactResponse):
    """Tell an existing ticket what changed: a late comment, another score, a recovered customer.

    Attributes:
        idempotency_key: the delivery's key, the same for every try.
        ticket_id: the vendor's id from the receipt of `open_ticket`.
        body: plain text for a private comment.
        priority: the priority that the newest score asks for.
        tags: to be added, never to replace.
        state: set for what staff did with the case here: the ticket is to have the same state. A plugin that carries
            this out declares `ActionInfo.shares_state`.
        assignee: likewise: address of the member of staff who has the case; None leaves the ticket's assignee.
    """

    idempotency_key: str
    ticket_id: str
    body: Text
    priority: Priority
    tags: tuple[str, ...] = ()
    state: Literal["open", "solved"] | None = None
    assignee: str | None = None


class Alert(ContactResponse):
    """Tell a person now.

    Attributes:
        idempotency_key: the delivery's key, the same for every try.
        title: one line.
        body: plain text, in the company's language.
        link: where to act (the ticket, else the contact's record), if known.
        severity: `failure` for an urgent score and an overdue case, `warning` for other detractors, else `info`.
        recipient: address of the contact's owner in the CRM, else of the team, for channels that can write to anybody;
            a channel with addresses of its own ignores it.
    """

    idempotency_key: str
    title: Line
    body: Text
    link: str | None = None
    severity: AlertSeverity = "info"
    recipient: str | None = None

    @property
    def full_text(self) -> str:
        """The body, followed by the link if the body does not hold it."""
        return f"{self.body}\n\n{self.link}" if self.link and self.link not in self.body else self.body


class ReviewInvitation(ContactResponse):
    """Ask this person for a review on one platform.

    Attributes:
        idempotency_key: the delivery's key, the same for every try.
        lead: `review` = the mail is the invitation; `help` = thanks and help first, the same link below.
        location: which of the platform's places, chosen from the contact's or event's fields; none = the default.
    """

    idempotency_key: str
    lead: Literal["review", "help"]
    location: str | None = None


class ReviewDestination(Record):
    """Where a person can write a review: the public page of the platform, an HTTPS address.

    Attributes:
        url: address of the page.
        title: name of the platform or place, for the button.
    """

    url: str
    title: Line


class OptOut(Record):
    """Our unsubscribe, to be told to the CRM.

    Attributes:
        idempotency_key: the delivery's key, the same for every try.
        contact: the person at the connection that is written to.
        at: when the person unsubscribed (UTC).
    """

    idempotency_key: str
    contact: Contact
    at: Moment


class ContactErasure(Record):
    """A person who was erased: remove what `write_score` and `write_case_outcome` have written about them.

    Their contact, their tickets and their opt-out stay: people decide about these.

    Attributes:
        idempotency_key: the delivery's key, the same for every try.
        contact_ids: the person's ids at the connection, also those of contacts that were merged into another one.
        emails: their addresses, only where no id is known.
    """

    idempotency_key: str
    contact_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


Payload = (
    ScoreUpdate
    | CaseOutcome
    | TicketDraft
    | TicketUpdate
    | Alert
    | ReviewInvitation
    | OptOut
    | ContactErasure
    | OutgoingWebhook
    | Message
)


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
    """A delivery as `nps_find_existing` sees it: what we would do again, if it is not there already.

    Attributes:
        action: name of the action.
        idempotency_key: the delivery's key, the same for every try.
        payload: the item that the delivery hook received.
        first_started_at: when the first try began (UTC); nothing older than this can be its effect.
    """

    action: Action
    idempotency_key: str
    payload: Payload
    first_started_at: Moment
