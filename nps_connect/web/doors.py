"""`Doors`: what the web needs from the house. The wiring implements it; tests use a small one in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import SurveyPage, UnsubscribePage, VisitInfo


class Doors(Protocol):
    """The house as the web sees it. Every method may block: the web calls it in a thread."""

    @property
    def company(self) -> str:
        """The name that customers know."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages on offer; the first is the company's own."""

    @property
    def privacy_notice_url(self) -> str:
        """How the company handles personal data."""

    @property
    def public_url(self) -> str:
        """The product's own address, without a trailing slash."""

    @property
    def colour(self) -> str:
        """The company's colour, such as ``#174ea6``."""

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses and networks of reverse proxies that are believed when they tell who calls."""

    @property
    def metrics_token(self) -> str | None:
        """Who shows it may read `metrics`; none = nobody."""

    def metrics(self) -> str:
        """How the house stands, as Prometheus text."""

    def accept_webhook(self, connection: str, request: WebhookRequest) -> None:
        """Verify and store a webhook; durable on return.

        Raises:
            WebhookRejected: it is not believed; answered with its status.
        """

    def survey_page(self, token: str, visit: VisitInfo) -> SurveyPage:
        """What to show; records the visit and confirms nothing."""

    def answer(
        self,
        token: str,
        score: int,
        comment: str | None,
        *,
        sent: bool,
        do_not_contact: bool,
        language: str,
        visit: VisitInfo,
        follow_up: Mapping[str, str] | None = None,
    ) -> SurveyPage:
        """Take a confirmed answer and say what to show. The same answer again adds nothing.

        Args:
            token: of the personal link.
            score: 0 to 10.
            comment: cleaned; none keeps what was written before.
            sent: the Send button was pressed, not just a score.
            do_not_contact: ticked in this form.
            language: that the page was shown in.
            visit: who pressed, and when.
            follow_up: answers to further questions, by their names.
        """

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        """What to show; changes nothing."""

    def unsubscribe(self, token: str) -> UnsubscribePage:
        """Stop such mail; once more does no harm."""

    def review_target(self, token: str, visit: VisitInfo) -> str | None:
        """The address of the review page, or none if the link is unknown."""

    def report_bounces(self, token: str, message: bytes) -> int:
        """Take what a relay got back; how many mails it tells of that were not known yet.

        Raises:
            WebhookRejected: the token is not ours, or the message tells of no mail that came back.
        """

    def problems(self) -> list[str]:
        """Why the house cannot work now, one sentence each; empty = ready."""
