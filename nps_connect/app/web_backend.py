"""The doors that the web opens: what a request may ask of the application."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from nps_connect.errors import ConfigError, NpsConnectError, WebhookRejected
from nps_connect.ledger.counters import increment_counter
from nps_connect.ledger.schema import require_current_schema
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import PageView, SurveyPage, SurveyPageRequest, UnsubscribePage, VisitOutcome
from nps_connect.services.context import Context
from nps_connect.services.intake.accept import accept_webhooks
from nps_connect.services.operations.status import load_status, render_metrics
from nps_connect.services.responses.process_visits import process_visits
from nps_connect.services.responses.survey_page import build_survey_pages
from nps_connect.services.reviews.review_links import resolve_review_link
from nps_connect.services.suppressions.bounces import receive_bounce_report
from nps_connect.services.suppressions.opt_out import unsubscribe, unsubscribe_page

log = logging.getLogger(__name__)

REFUSAL_FLUSH_INTERVAL = timedelta(seconds=10)


class ApplicationWebBackend:
    """The web's view of the application."""

    def __init__(self, ctx: Context) -> None:
        core = ctx.settings.core
        self.company = core.company
        self.languages = core.languages
        self.privacy_notice_url = str(core.privacy_notice_url)
        self.public_url = core.url
        self.colour = core.colour
        self.trusted_proxies = core.trusted_proxies
        self._ctx = ctx
        self._refused: Counter[tuple[str, str]] = Counter()
        self._told_at: datetime | None = None

    @property
    def metrics_token(self) -> str | None:
        """Who shows it may read `metrics`; none = nobody."""
        token = self._ctx.settings.core.metrics_token
        return None if token is None else token.get_secret_value()

    def metrics(self) -> str:
        """How the application stands, as Prometheus text."""
        with self._ctx.ledger.read() as session:
            return render_metrics(load_status(session, self._ctx.settings, self._ctx.clock()))

    def accept_webhook(self, connection: str, request: WebhookRequest) -> None:
        """Store one believed webhook; durable on return.

        Raises:
            WebhookRejected: it is not believed.
        """
        problem = self.accept_webhooks([(connection, request)])[0]
        if problem is not None:
            raise problem

    def accept_webhooks(self, asked: Sequence[tuple[str, WebhookRequest]]) -> list[Exception | None]:
        """Store believed webhooks; durable on return. What is wrong with one of them stands in its place."""
        answers = accept_webhooks(self._ctx, asked)
        for (connection, _), answer in zip(asked, answers, strict=True):
            if isinstance(answer, WebhookRejected):
                known = connection if connection in self._ctx.connections else "unknown"
                log.warning("webhook refused connection=%s reason=%s", known, answer.reason)
                self._refused[f"webhook_{answer.reason}", known] += 1
        if self._refused:
            self._tell(self._ctx.clock())
        return [answer if isinstance(answer, Exception) else None for answer in answers]

    def build_survey_pages(self, visits: Sequence[SurveyPageRequest]) -> list[SurveyPage | Exception]:
        """Show survey pages; changes nothing."""
        return build_survey_pages(self._ctx, visits)

    def record_visits(self, visits: Sequence[SurveyPageRequest]) -> list[VisitOutcome | Exception]:
        """Note openings and take presses."""
        return process_visits(self._ctx, visits)

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        """Show the unsubscribe page; changes nothing."""
        return unsubscribe_page(self._ctx, token)

    def unsubscribe(self, token: str) -> UnsubscribePage:
        """Stop all customer mail to this person."""
        return unsubscribe(self._ctx, token)

    def resolve_review_link(self, token: str, visit: PageView) -> str | None:
        """Where a review link leads, or none."""
        return resolve_review_link(self._ctx, token, visit)

    def report_bounces(self, token: str, message: bytes) -> int:
        """Take what a relay got back."""
        return receive_bounce_report(self._ctx, token, message)

    def problems(self) -> list[str]:
        """Why the product is not ready; empty when it is."""
        try:
            require_current_schema(self._ctx.ledger)
        except ConfigError as error:
            return [error.problem]
        except NpsConnectError as error:
            return [str(error)]
        return []

    def _tell(self, now: datetime) -> None:
        """Write refusals to the ledger, but rarely: forged webhooks must not cost a commit each."""
        if self._told_at is not None and now - self._told_at < REFUSAL_FLUSH_INTERVAL:
            return
        self._told_at = now
        refused, self._refused = self._refused, Counter()
        with self._ctx.ledger.write() as session:
            for (name, connection), by in refused.items():
                increment_counter(session, name, connection, now.date(), by)
