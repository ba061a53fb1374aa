"""The web layer's port `WebBackend`, implemented with the services."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from nps_connect.app.api_backend import ApplicationApiBackend
from nps_connect.errors import NpsConnectError, WebhookRejected
from nps_connect.ledger.counters import REFUSED_WEBHOOKS_PREFIX, increment_counter
from nps_connect.ledger.schema import require_current_schema
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import DigestPage, PageView, SurveyPage, SurveyPageRequest, UnsubscribePage, VisitOutcome
from nps_connect.services.context import Context
from nps_connect.services.intake.accept import accept_webhooks, takes_webhooks
from nps_connect.services.operations.metrics import render_metrics
from nps_connect.services.operations.status import load_status
from nps_connect.services.reports.digest_recipients import digest_page, leave_digest, rejoin_digest
from nps_connect.services.responses.process_visits import process_visits
from nps_connect.services.responses.survey_page import build_survey_pages
from nps_connect.services.reviews.review_links import resolve_review_link
from nps_connect.services.suppressions.bounces import receive_bounce_report
from nps_connect.services.suppressions.opt_out import unsubscribe, unsubscribe_page

log = logging.getLogger(__name__)

UNUSABLE_DATABASE = "the database cannot be used; the log says why"
UNUSABLE_JOURNAL = "the journal of suppressions cannot be written; the log says why"
REJECTION_FLUSH_INTERVAL = timedelta(seconds=10)


class ApplicationWebBackend:
    """Application services that the web layer calls."""

    def __init__(self, ctx: Context) -> None:
        core = ctx.settings.core
        self.company = core.company
        self.languages = core.languages
        self.privacy_notice_url = str(core.privacy_notice_url)
        self.public_url = core.url
        self.colour = core.colour
        self.trusted_proxies = core.trusted_proxies
        self.api = ApplicationApiBackend(ctx)
        self.console = ctx
        self._ctx = ctx
        self._rejected: Counter[tuple[str, str]] = Counter()
        self._flushed_at: datetime | None = None

    @property
    def metrics_token(self) -> str | None:
        """The bearer token for `metrics`; None disables them."""
        token = self._ctx.settings.core.metrics_token
        return None if token is None else token.get_secret_value()

    def metrics(self) -> str:
        """Return the status in the Prometheus text format."""
        with self._ctx.ledger.read() as session:
            return render_metrics(
                load_status(session, self._ctx.settings, self._ctx.clock(), self._ctx.ledger.storage.problem)
            )

    def takes_webhooks(self, connection: str) -> bool:
        """Return whether webhooks of this connection are accepted."""
        return takes_webhooks(self._ctx, connection)

    def is_survey_token(self, token: str) -> bool:
        """Return whether a token opens a survey page, of an invitation or of a test mail."""
        links = self._ctx.links
        return links.read_survey(token) is not None or links.read_test(token) is not None

    def is_bounce_token(self, token: str) -> bool:
        """Return whether a token admits bounce reports."""
        return self._ctx.links.read_bounces(token) is not None

    def accept_webhooks(self, requests: Sequence[tuple[str, WebhookRequest]]) -> list[Exception | None]:
        """Store webhooks durably; returns the error of each, None if it was stored."""
        results = accept_webhooks(self._ctx, requests)
        for (connection, _), result in zip(requests, results, strict=True):
            if isinstance(result, WebhookRejected):
                label = connection if connection in self._ctx.connections else "unknown"
                log.warning("webhook_rejected connection=%s reason=%s finding=webhooks-refused", label, result.reason)
                self._rejected[REFUSED_WEBHOOKS_PREFIX + result.reason, label] += 1
        if self._rejected:
            self._flush_counters(self._ctx.clock())
        return [result if isinstance(result, Exception) else None for result in results]

    def build_survey_pages(self, visits: Sequence[SurveyPageRequest]) -> list[SurveyPage | Exception]:
        """Return the content of survey pages, without recording anything."""
        return build_survey_pages(self._ctx, visits)

    def record_visits(self, visits: Sequence[SurveyPageRequest]) -> list[VisitOutcome | Exception]:
        """Record page views and submissions."""
        return process_visits(self._ctx, visits)

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        """Return the content of the unsubscribe page, without recording anything."""
        return unsubscribe_page(self._ctx, token)

    def unsubscribe(self, token: str) -> UnsubscribePage:
        """Stop all customer mail to this contact."""
        return unsubscribe(self._ctx, token)

    def digest_page(self, token: str) -> DigestPage:
        """Return the content of the page on which a recipient leaves a digest, without recording anything."""
        return digest_page(self._ctx, token)

    def leave_digest(self, token: str) -> DigestPage:
        """Remove a recipient from one digest."""
        return leave_digest(self._ctx, token)

    def rejoin_digest(self, token: str) -> DigestPage:
        """Let a recipient receive the digest again."""
        return rejoin_digest(self._ctx, token)

    def resolve_review_link(self, token: str, visit: PageView) -> str | None:
        """Record a visit of a review link; returns its target, None if the link is invalid."""
        return resolve_review_link(self._ctx, token, visit)

    def report_bounces(self, token: str, message: bytes) -> int:
        """Process a bounce report of a relay; returns the number of new bounces of our mail."""
        return receive_bounce_report(self._ctx, token, message).new

    def record_foreign_request(self, at: datetime) -> None:
        """Record that another host sent a request; the heartbeat stores it."""
        self._ctx.foreign_request.at = at

    def problems(self) -> list[str]:
        """Return why the product is not ready; empty if it is.

        Anybody can read it: it names no host and no file, and the log says more.
        """
        try:
            require_current_schema(self._ctx.ledger)
        except (NpsConnectError, DBAPIError) as error:
            if self._ctx.ledger.storage.problem is None:  # which the ledger logs
                log.warning("not_ready reason=%s", error)
                return [UNUSABLE_DATABASE]
        if (problem := self._ctx.ledger.storage.problem) is not None:
            return [problem.text]
        return [UNUSABLE_JOURNAL] if self._ctx.journal.problem else []

    def _flush_counters(self, now: datetime) -> None:
        """Write the counts to the ledger at intervals: a forged webhook must not cost a commit."""
        if self._flushed_at is not None and now - self._flushed_at < REJECTION_FLUSH_INTERVAL:
            return
        self._flushed_at = now
        rejected, self._rejected = self._rejected, Counter()
        with self._ctx.ledger.write() as session:
            for (name, connection), count in rejected.items():
                increment_counter(session, name, connection, now.date(), count)
