"""`WebBackend`: the port between the web layer and the application. `app.web_backend` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import DigestPage, PageView, SurveyPage, SurveyPageRequest, UnsubscribePage, VisitOutcome
from nps_connect.services.context import Context
from nps_connect.web.api.backend import ApiBackend


class WebBackend(Protocol):
    """Application services that the web layer calls. Methods run in threads and may block, unless they say otherwise.

    Methods that take a batch return one result per item, in order; an exception stands in the place of a failed item.

    Attributes:
        company: the company's name as customers know it.
        languages: the languages on offer; the first is the company's own.
        privacy_notice_url: the company's privacy notice.
        public_url: the public base URL of this server, without a trailing slash.
        colour: the company's colour, such as ``#174ea6``.
        trusted_proxies: addresses and networks of reverse proxies whose ``X-Forwarded-For`` header is trusted.
    """

    company: str
    languages: tuple[str, ...]
    privacy_notice_url: str
    public_url: str
    colour: str
    trusted_proxies: tuple[str, ...]

    @property
    def api(self) -> ApiBackend:
        """The services that the API calls."""

    @property
    def console(self) -> Context | None:
        """The application behind the console, whose routes call the services; None where there is no console."""

    @property
    def metrics_token(self) -> str | None:
        """The bearer token for ``/metrics``; None disables the endpoint."""

    def metrics(self) -> str:
        """Return the metrics in the Prometheus text format."""

    def takes_webhooks(self, connection: str) -> bool:
        """Return whether webhooks of this connection are accepted. Does not block."""

    def is_survey_token(self, token: str) -> bool:
        """Return whether we signed the token for a survey page. Does not block."""

    def is_bounce_token(self, token: str) -> bool:
        """Return whether we signed the token for bounce reports. Does not block."""

    def accept_webhooks(self, webhooks: Sequence[tuple[str, WebhookRequest]]) -> Sequence[Exception | None]:
        """Verify and store a batch of (connection name, webhook); durable on return.

        A refused webhook yields `WebhookRejected`, whose status is the HTTP response.
        """

    def build_survey_pages(self, visits: Sequence[SurveyPageRequest]) -> Sequence[SurveyPage | Exception]:
        """Return the page for each request. Read-only."""

    def record_visits(self, visits: Sequence[SurveyPageRequest]) -> Sequence[VisitOutcome | Exception]:
        """Store page views, which confirm nothing, and submissions; durable on return. Idempotent per submission."""

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        """Return the unsubscribe page. Read-only."""

    def unsubscribe(self, token: str) -> UnsubscribePage:
        """Suppress the mailbox of the token. Idempotent."""

    def digest_page(self, token: str) -> DigestPage:
        """Return the page on which a recipient leaves a digest. Read-only."""

    def leave_digest(self, token: str) -> DigestPage:
        """Remove the recipient of the token from that digest. Idempotent."""

    def rejoin_digest(self, token: str) -> DigestPage:
        """Undo `leave_digest`. Idempotent."""

    def resolve_review_link(self, token: str, visit: PageView) -> str | None:
        """Return the address of the review page; None for an unknown link."""

    def report_bounces(self, token: str, message: bytes) -> int:
        """Process a bounce or complaint report; returns the number of new bounces of our mail.

        Raises:
            WebhookRejected: the token is unknown, or the message is no bounce or complaint report.
        """

    def record_foreign_request(self, at: datetime) -> None:
        """Record that another host sent a request. Does not block."""

    def problems(self) -> list[str]:
        """Return why the application is not ready, one sentence each; empty when it is."""
