"""Personal pages: requests for them, and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from nps_connect.records.base import Line, Moment, Record, Score, Segment
from nps_connect.records.deliveries import ReviewDestination

PageState = Literal["open", "answered", "expired", "unknown"]
VisitOutcome = Literal["open", "answered", "expired", "unknown", "test"]
"""State of a survey after a request; ``test``: the link of a test mail, for which nothing is stored."""


class PageView(Record):
    """One request for a personal page.

    Attributes:
        method: `GET`, `HEAD` or `POST`.
        at: moment of the request (UTC).
        address: network of the client (/24 or /48), never its full address.
        agent: user agent of the client, at most 200 characters.
        score: the score that the link preselects, if any.
        language: the language chosen on the page, if any.
    """

    method: str
    at: Moment
    address: str | None = None
    agent: str | None = None
    score: Score | None = None
    language: str | None = None


class Submission(Record):
    """What was submitted on the survey page.

    Attributes:
        score: 0 to 10.
        comment: sanitized; None or empty keeps the earlier comment.
        is_final: the Send button was pressed, not just a score: delivery starts without a grace period.
        do_not_contact: asked not to be contacted about the response.
        language: language of the page.
        follow_up: answers to follow-up questions by name; empty ones keep the earlier answer.
    """

    score: Score
    comment: str | None = None
    is_final: bool = False
    do_not_contact: bool = False
    language: str
    follow_up: Mapping[str, str] = Field(default_factory=dict)


class SurveyPageRequest(NamedTuple):
    """One request for a survey page: the token of its link, the page view, and the submission, if any."""

    token: str
    page_view: PageView
    submission: Submission | None = None


class FollowUpQuestion(Record):
    """A follow-up question in the language of the page.

    Attributes:
        name: key of the answer.
        question: text of the question.
        choices: possible answers; empty means a free text.
        segments: the segments that are asked.
    """

    name: str
    question: str
    choices: tuple[str, ...] = ()
    segments: tuple[Segment, ...]


class SurveyPage(Record):
    """Everything that the survey page may show. Without earlier comments, because links get forwarded.

    Attributes:
        state: `open` = no confirmed response; `answered` = confirmed, can be changed until the link expires.
        language: language of the page.
        question: the survey's own question in that language; None means the standard question.
        score: the confirmed score, for `answered`.
        conflicting: two different scores were submitted within seconds, so that none counts until the next submission.
        commented: a comment is stored (it is not shown).
        do_not_contact: the last submitted wish, to preset the checkbox.
        reviews: the review pages, the same for every score; only for `answered`.
        help_address: where an unhappy customer reaches a person.
        token: token of the page, for its forms.
        unsubscribe_token: token of the unsubscribe link.
        follow_ups: follow-up questions of every segment.
        test: the page belongs to a test mail: submissions are not stored.
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
    """What the unsubscribe page shows. The mailbox is masked."""

    state: Literal["open", "done", "unknown"]
    language: str
    mailbox: Line | None = None


class DigestPage(Record):
    """What the page shows on which a recipient leaves a digest. The mailbox is masked.

    Attributes:
        state: `open`: the recipient gets it; `left`: not any more; `unknown`: the link is invalid.
        language: of the page.
        every: `week` or `month`.
        team: the team that it is about; None for the whole company.
        mailbox: the masked address; None if it is no recipient any more.
    """

    state: Literal["open", "left", "unknown"]
    language: str
    every: Literal["week", "month"] = "week"
    team: Line | None = None
    mailbox: Line | None = None
