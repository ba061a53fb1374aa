"""A application in memory: the backend that the web needs, with one invitation behind each token."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from nps_connect.errors import WebhookRejected
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import (
    FollowUpQuestion,
    PageView,
    Submission,
    SurveyPage,
    SurveyPageRequest,
    UnsubscribePage,
    VisitOutcome,
)


@dataclass
class SubmittedResponse:
    token: str
    score: int
    comment: str | None
    sent: bool
    do_not_contact: bool
    language: str
    follow_up: dict[str, str] = field(default_factory=dict)


@dataclass
class MemoryBackend:
    """Tokens: ``marie`` and ``paul`` are open, ``late`` has expired, everything else is unknown."""

    company: str = "Exemple SA"
    languages: tuple[str, ...] = ("fr", "en")
    privacy_notice_url: str = "https://www.example.com/privacy"
    public_url: str = "http://testserver"
    question: str | None = None
    colour: str = "#174ea6"
    trusted_proxies: tuple[str, ...] = ()
    follow_ups: tuple[FollowUpQuestion, ...] = ()
    bounces: list[tuple[str, bytes]] = field(default_factory=list)
    webhooks: list[tuple[str, WebhookRequest]] = field(default_factory=list)
    visits: list[PageView] = field(default_factory=list)
    answers: list[SubmittedResponse] = field(default_factory=list)
    unsubscribed: list[str] = field(default_factory=list)
    broken: bool = False
    hanging: threading.Event | None = None
    provisional: bool = False
    conflicting: bool = False
    complaints: list[str] = field(default_factory=list)
    review_url: str = "https://reviews.example.com/write?place=1"

    metrics_token: str | None = None

    def metrics(self) -> str:
        self._work()
        return "nps_connect_surveys_today 3\n"

    def accept_webhooks(self, asked: Sequence[tuple[str, WebhookRequest]]) -> list[Exception | None]:
        self._work()
        return [self._refusal(connection, request) for connection, request in asked]

    def _refusal(self, connection: str, request: WebhookRequest) -> Exception | None:
        if connection != "crm":
            return WebhookRejected("unknown_connection")
        if request.headers.get("x-signature") != "good":
            return WebhookRejected("signature", "no good signature")
        if not request.body.startswith(b"{"):
            return WebhookRejected("unreadable")
        self.webhooks.append((connection, request))
        return None

    def build_survey_pages(self, visits: Sequence[SurveyPageRequest]) -> list[SurveyPage | Exception]:
        self._work()
        return [self._page(one.token, one.page_view) for one in visits]

    def record_visits(self, visits: Sequence[SurveyPageRequest]) -> list[VisitOutcome | Exception]:
        self._work()
        return [self._take(one.token, one.page_view, one.submission) for one in visits]

    def _take(self, token: str, visit: PageView, press: Submission | None) -> VisitOutcome:
        self.visits.append(visit)
        if press is not None and token.startswith(("marie", "paul", "open")):
            self.answers.append(
                SubmittedResponse(
                    token,
                    press.score,
                    press.comment,
                    press.is_final,
                    press.do_not_contact,
                    press.language,
                    dict(press.follow_up),
                )
            )
        return self._page(token, visit).state

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        self._work()
        if token != "stop":
            return UnsubscribePage(state="unknown", language="fr")
        state = "done" if token in self.unsubscribed else "open"
        return UnsubscribePage(state=state, language="fr", mailbox="m…e@example.com")

    def unsubscribe(self, token: str) -> UnsubscribePage:
        if token == "stop":
            self.unsubscribed.append(token)
        return self.unsubscribe_page(token)

    def resolve_review_link(self, token: str, visit: PageView) -> str | None:
        self._work()
        self.visits.append(visit)
        return self.review_url if token == "review" else None

    def report_bounces(self, token: str, message: bytes) -> int:
        self._work()
        if token != "relay":
            raise WebhookRejected("unknown_connection")
        if not message.startswith(b"From:"):
            raise WebhookRejected("unreadable")
        self.bounces.append((token, message))
        return 1

    def problems(self) -> list[str]:
        self._work()
        return self.complaints

    def _work(self) -> None:
        if self.hanging is not None:
            self.hanging.wait(5)
        if self.broken:
            raise ConnectionError("the database of Marie Martin is away")

    def _page(self, token: str, visit: PageView) -> SurveyPage:
        if token == "late":
            return SurveyPage(state="expired", language="fr", help_address="care@example.com")
        if not token.startswith(("marie", "paul", "open")):
            return SurveyPage(state="unknown", language="fr")
        shown = {
            "language": visit.language or ("en" if token == "paul" else "fr"),
            "question": self.question,
            "follow_ups": self.follow_ups,
            "help_address": "care@example.com",
            "token": token,
            "unsubscribe_token": "stop",
        }
        answers = [answer for answer in self.answers if answer.token == token]
        if not answers or self.provisional:
            return SurveyPage(state="open", conflicting=self.conflicting, **shown)
        last = answers[-1]
        return SurveyPage(
            state="answered",
            score=last.score,
            commented=any(answer.comment for answer in answers),
            do_not_contact=last.do_not_contact,
            reviews=(ReviewDestination(url=f"{self.public_url}/r/review", title="Avis Exemple"),),
            **shown,
        )
