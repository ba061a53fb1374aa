"""`WebBackend`: what the web needs from the application. The wiring implements it; tests use a small one in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import PageView, SurveyPage, SurveyPageRequest, UnsubscribePage, VisitOutcome


class WebBackend(Protocol):
    """The application as the web sees it. Every method may block: the web calls it in a thread."""

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
        """How the application stands, as Prometheus text."""

    def accept_webhooks(self, asked: Sequence[tuple[str, WebhookRequest]]) -> Sequence[Exception | None]:
        """Verify and store webhooks, each with the name of its connection; durable on return.

        What is wrong with one of them stands in its place; `WebhookRejected` is answered with its status.
        """

    def survey_pages(self, visits: Sequence[SurveyPageRequest]) -> Sequence[SurveyPage | Exception]:
        """What to show to each; changes nothing. What goes wrong with one of them stands in its place."""

    def record_visits(self, visits: Sequence[SurveyPageRequest]) -> Sequence[VisitOutcome | Exception]:
        """Note openings, which confirm nothing, and take presses; durable on return.

        The same answer again adds nothing. What goes wrong with one of them stands in its place.
        """

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        """What to show; changes nothing."""

    def unsubscribe(self, token: str) -> UnsubscribePage:
        """Stop such mail; once more does no harm."""

    def review_target(self, token: str, visit: PageView) -> str | None:
        """The address of the review page, or none if the link is unknown."""

    def report_bounces(self, token: str, message: bytes) -> int:
        """Take what a relay got back; how many mails it tells of that were not known yet.

        Raises:
            WebhookRejected: the token is not ours, or the message tells of no mail that came back.
        """

    def problems(self) -> list[str]:
        """Why the application cannot work now, one sentence each; empty = ready."""
