"""What a personal page shows, and what is noted when somebody opens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from nps_connect.records.base import Moment, Record, Score
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.responses import Segment

PageState = Literal["open", "answered", "expired", "unknown"]
VisitOutcome = Literal["open", "answered", "expired", "unknown", "test"]
"""Where a survey stands after a visit; ``test``: the link of a test mail, nothing was written down."""


class PageView(Record):
    """One opening of a personal link.

    Attributes:
        method: `GET`, `HEAD` or `POST`.
        at: when.
        address: the caller's network address, cut to its network (/24 or /48).
        agent: the caller's user agent, 200 characters at most.
        score: the score that the link preselects, if any.
        language: the language that the visitor asked for on the page, if any.
    """

    method: str
    at: Moment
    address: str | None = None
    agent: str | None = None
    score: Score | None = None
    language: str | None = None


class Submission(Record):
    """What somebody pressed on the survey page.

    Attributes:
        score: 0 to 10.
        comment: cleaned; none or empty keeps what was written before.
        is_final: the Send button was pressed, not just a score: delivery starts without a grace period.
        do_not_contact: asked not to be contacted about the answer.
        language: of the page.
        follow_up: answers to further questions, by their names; empty ones keep what was answered before.
    """

    score: Score
    comment: str | None = None
    is_final: bool = False
    do_not_contact: bool = False
    language: str
    follow_up: Mapping[str, str] = Field(default_factory=dict)


class SurveyPageRequest(NamedTuple):
    """One request for a survey page: the token of its link, the visit, and what was pressed, if anything."""

    token: str
    page_view: PageView
    submission: Submission | None = None


class FollowUpQuestion(Record):
    """A further question, in the page's language.

    Attributes:
        name: under which the answer comes back.
        question: to be read.
        choices: to choose one of; none = a free text.
        segments: who is asked.
    """

    name: str
    question: str
    choices: tuple[str, ...] = ()
    segments: tuple[Segment, ...]


class SurveyPage(Record):
    """Everything that the survey page may show. Holds no earlier comment (forwarded links).

    Attributes:
        state: `open` = not answered yet; `answered` = confirmed, may be changed until the link expires.
        language: to show the page in.
        question: the survey's own question in that language, or none for the standard one.
        score: the confirmed score, for `answered`; never shown preselected to a new visitor without it.
        conflicting: two different scores were pressed at once, so that none counts; waits for the next press.
        commented: a comment has reached us (it is not shown).
        do_not_contact: the wish that was sent last, shown ticked so that it is neither lost nor forced.
        reviews: the review pages, the same for every score; filled in for `answered`.
        help_address: where an unhappy customer reaches a person.
        token: the page's own token, for forms.
        unsubscribe_token: for the link to ``/u/``.
        follow_ups: further questions, of every segment.
        test: the link of a test mail: what is answered counts nowhere.
    """

    state: PageState
    language: str
    question: str | None = None
    score: Score | None = None
    conflicting: bool = False
    commented: bool = False
    do_not_contact: bool = False
    reviews: tuple[ReviewDestination, ...] = ()
    help_address: str | None = None
    token: str = ""
    unsubscribe_token: str = ""
    follow_ups: tuple[FollowUpQuestion, ...] = ()
    test: bool = False


class UnsubscribePage(Record):
    """What the unsubscribe page shows; the mailbox is masked."""

    state: Literal["open", "done", "unknown"]
    language: str
    mailbox: str | None = None
