"""The doors that the web opens: what a request may ask of the application."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from nps_connect.errors import ConfigError, NpsConnectError, WebhookRejected
from nps_connect.flows.contacts.bounces import post_bounces
from nps_connect.flows.contacts.optout import unsubscribe, unsubscribe_page
from nps_connect.flows.context import Context
from nps_connect.flows.intake.accept import accept_webhooks
from nps_connect.flows.minding.status import as_metrics, status
from nps_connect.flows.responding.pages import survey_pages
from nps_connect.flows.responding.respond import take_visits
from nps_connect.flows.reviewing.review import review_target
from nps_connect.ledger.schema import require_newest
from nps_connect.ledger.upserts import count
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import SurveyPage, SurveyVisit, Taken, UnsubscribePage, VisitInfo

log = logging.getLogger(__name__)

TELL_EVERY = timedelta(seconds=10)


class ApplicationDoors:
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
        """How the house stands, as Prometheus text."""
        with self._ctx.ledger.read() as session:
            return as_metrics(status(session, self._ctx.settings, self._ctx.clock()))

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

    def survey_pages(self, visits: Sequence[SurveyVisit]) -> list[SurveyPage | Exception]:
        """Show survey pages; changes nothing."""
        return survey_pages(self._ctx, visits)

    def take_visits(self, visits: Sequence[SurveyVisit]) -> list[Taken | Exception]:
        """Note openings and take presses."""
        return take_visits(self._ctx, visits)

    def unsubscribe_page(self, token: str) -> UnsubscribePage:
        """Show the unsubscribe page; changes nothing."""
        return unsubscribe_page(self._ctx, token)

    def unsubscribe(self, token: str) -> UnsubscribePage:
        """Stop all customer mail to this person."""
        return unsubscribe(self._ctx, token)

    def review_target(self, token: str, visit: VisitInfo) -> str | None:
        """Where a review link leads, or none."""
        return review_target(self._ctx, token, visit)

    def report_bounces(self, token: str, message: bytes) -> int:
        """Take what a relay got back."""
        return post_bounces(self._ctx, token, message)

    def problems(self) -> list[str]:
        """Why the product is not ready; empty when it is."""
        try:
            require_newest(self._ctx.ledger)
        except ConfigError as error:
            return [error.problem]
        except NpsConnectError as error:
            return [str(error)]
        return []

    def _tell(self, now: datetime) -> None:
        """Write refusals to the ledger, but rarely: forged webhooks must not cost a commit each."""
        if self._told_at is not None and now - self._told_at < TELL_EVERY:
            return
        self._told_at = now
        refused, self._refused = self._refused, Counter()
        with self._ctx.ledger.write() as session:
            for (name, connection), by in refused.items():
                count(session, name, connection, now.date(), by)
