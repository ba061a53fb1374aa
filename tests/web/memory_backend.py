"""`MemoryBackend`: the web backend in memory, with one invitation per token."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nps_connect.errors import WebhookRejected
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import (
    DigestPage,
    FollowUpQuestion,
    PageView,
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


class NoApi:
    """An API without a key: there is none."""

    requests_per_minute = 60
    is_enabled = False

    def is_stale(self, _token):
        return False

    def write(self, _writes):
        raise NotImplementedError


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
    console: None = None
    follow_ups: tuple[FollowUpQuestion, ...] = ()
    bounces: list[tuple[str, bytes]] = field(default_factory=list)
    webhooks: list[tuple[str, WebhookRequest]] = field(default_factory=list)
    visits: list[PageView] = field(default_factory=list)
    responses: list[SubmittedResponse] = field(default_factory=list)
    unsubscribed: list[str] = field(default_factory=list)
    has_left_digest: bool = False
    is_down: bool = False
    foreign_requests: list[datetime] = field(default_factory=list)
    gate: threading.Event | None = None
    provisional: bool = False
    conflicting: bool = False
    problem_list: list[str] = field(default_factory=list)
    review_url: str = "https://reviews.example.com/write?place=1"

    metrics_token: str | None = None
    api: NoApi = field(default_factory=NoApi)

    def record_foreign_request(self, at: datetime) -> None:
        self.foreign_requests.append(at)

    def metrics(self) -> str:
        self._require_database()
        return "nps_connect_surveys_today 3\n"

    def takes_webhooks(self, connection: str) -> bool:
        return connection == "crm"

    def is_survey_token(self, token: str) -> bool:
        return token == "late" or token.startswith(("marie", "paul", "open"))

    def is_bounce_token(self, token: str) -> bool:
        return token == "relay"

    def accept_webhooks(self, webhooks: Sequence[tuple[str, WebhookRequest]]) -> list[Exception | None]:
        self._require_database()
        return [self._refusal(connection, request) for connection, request in webhooks]

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
        self._require_database()
        return [self._page(request.token, request.page_view) for request in visits]

    def record_visits(self, visits: Sequence[SurveyPageRequest]) -> list[VisitOutcome | Exception]:
        self._require_database()
        return [self._record(request) for request in visits]

    def _record(self, request: SurveyPageRequest) -> VisitOutcome:
        self.visits.append(request.page_view)
        submission = request.submission
        if submission is not None and request.token.startswith(("marie", "paul", "open")):
            self.responses.append(
                SubmittedResponse(
                    request.token,
                    submission.score,
                    submission.comment,
                    submission.is_final,
                    submission.do_not_contact,
                    submission.language,
                    dict(submission.follow_up),
                )
            )
        return self._page(request.token, request.page_view).state

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        self._require_database()
        if token != "stop":
            return UnsubscribePage(state="unknown", language="fr")
        state = "done" if token in self.unsubscribed else "open"
        return UnsubscribePage(state=state, language="fr", mailbox="m…e@example.com")

    def unsubscribe(self, token: str) -> UnsubscribePage:
        if token == "stop":
            self.unsubscribed.append(token)
        return self.unsubscribe_page(token)

    def digest_page(self, token: str) -> DigestPage:
        self._require_database()
        if token != "digest":
            return DigestPage(state="unknown", language="fr")
        return DigestPage(state="left" if self.has_left_digest else "open", language="fr", mailbox="c***@example.com")

    def leave_digest(self, token: str) -> DigestPage:
        self.has_left_digest = self.has_left_digest or token == "digest"
        return self.digest_page(token)

    def rejoin_digest(self, token: str) -> DigestPage:
        self.has_left_digest = self.has_left_digest and token != "digest"
        return self.digest_page(token)

    def resolve_review_link(self, token: str, visit: PageView) -> str | None:
        self._require_database()
        self.visits.append(visit)
        return self.review_url if token == "review" else None

    def report_bounces(self, token: str, message: bytes) -> int:
        self._require_database()
        if token != "relay":
            raise WebhookRejected("unknown_connection")
        if not message.startswith(b"From:"):
            raise WebhookRejected("unreadable")
        self.bounces.append((token, message))
        return 1

    def problems(self) -> list[str]:
        self._require_database()
        return self.problem_list

    def _require_database(self) -> None:
        if self.gate is not None:
            self.gate.wait(5)
        if self.is_down:
            raise ConnectionError("the database of Marie Martin is unreachable")

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
        responses = [response for response in self.responses if response.token == token]
        if not responses or self.provisional:
            return SurveyPage(state="open", conflicting=self.conflicting, **shown)
        last = responses[-1]
        return SurveyPage(
            state="answered",
            score=last.score,
            commented=any(response.comment for response in responses),
            do_not_contact=last.do_not_contact,
            reviews=(ReviewDestination(url=f"{self.public_url}/r/review", title="Avis Exemple"),),
            **shown,
        )
