"""The whole application in one process, with fake vendors and a manual clock, without threads and network."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, union
from sqlmodel import col
from support.clock import ManualClock
from support.fake_vendors import (
    FakeAlertChannel,
    FakeCrm,
    FakeHelpdesk,
    FakeMailChannel,
    FakeReviewPlatform,
    FakeVendor,
)
from support.webhooks import accept_webhook

from nps_connect.app.application import Transports, build_application
from nps_connect.app.validation import validate
from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger import pauses
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.plugins import Plugins
from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import PageView, Submission, SurveyPage, SurveyPageRequest
from nps_connect.settings.model import Settings
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import WORK_TABLES, WorkQueue, build_queues

CONFIGURATION: dict[str, Any] = {
    "core": {
        "public_url": "https://nps.example.com",
        "company": "Exemple SA",
        "languages": ["fr", "en"],
        "timezone": "Europe/Paris",
        "signing_keys": ["a-signing-key-for-tests"],
        "fallback_email": "care@example.com",
        "privacy_notice_url": "https://www.example.com/privacy",
        "mode": "live",
    },
    "connections": {
        "crm": {"plugin": "acme", "events": "webhook"},
        "mail": {"plugin": "post"},
        "helpdesk": {"plugin": "desk"},
        "team": {"plugin": "bell"},
        "stars": {"plugin": "stars"},
    },
    "surveys": {"after-purchase": {"channel": "mail"}},
    "triggers": [{"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d"}],
    "limits": {"quiet_hours": "off", "quiet_days": []},
    "routes": [
        {"on": "any", "do": "write_score", "via": "crm"},
        {"on": "promoter", "do": "invite_review", "via": "stars", "delay": "2h"},
        {"on": ["passive", "detractor"], "do": "invite_review", "via": "stars", "lead": "help", "delay": "3d"},
        {"on": "detractor", "do": "open_ticket", "via": "helpdesk"},
        {"on": "detractor", "do": "send_alert", "via": "team"},
    ],
}


HOUSEKEEPING_JOBS = frozenset({"retention", "idempotency_keys", "approvals", "problem_notes"})
"""Delete what is old. Most tests end long before anything is, but these jobs took a third of their time."""

DUE_QUEUES = union(
    *(
        select(col(table.queue_name)).where(
            col(table.state) == "pending", col(table.due_at) <= bindparam("now", type_=col(table.due_at).type)
        )
        for table in WORK_TABLES
    )
)
"""The names of the queues with due rows; built once, because every step of every test asks for them."""


def merge_config(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with some values replaced, table by table."""
    merged = dict(base)
    for key, value in change.items():
        merged[key] = (
            merge_config(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
        )
    return merged


class ApplicationHarness:
    """The application with fake vendors for tests.

    Args:
        ledger: the database.
        clock: the clock, moved by the test.
        change: changes to the default configuration.
        transports: HTTP transports of the connections, if any.
        seed: the seed of the random choices.
        plugins: further plugins by name, or replacements of the fake vendors.

    Attributes:
        rounds: how often `run` passes all queues before it fails.
        crm, desk, post, bell, stars: the fake CRM, helpdesk, mail channel, alert channel and review platform.
        woken: the names of the queues that were woken.
    """

    rounds = 100

    def __init__(
        self,
        ledger: Ledger,
        clock: ManualClock,
        change: dict[str, Any] | None = None,
        *,
        transports: Transports | None = None,
        seed: int = 7,
        **plugins: object,
    ) -> None:
        self.ledger, self.clock = ledger, clock
        self.crm, self.desk, self.post, self.bell, self.stars = (
            FakeCrm(),
            FakeHelpdesk(),
            FakeMailChannel(),
            FakeAlertChannel(),
            FakeReviewPlatform(),
        )
        registry = Plugins()
        vendors: dict[str, FakeVendor | object] = {
            "acme": self.crm,
            "desk": self.desk,
            "post": self.post,
            "bell": self.bell,
            "stars": self.stars,
            **plugins,
        }
        for name, vendor in vendors.items():
            registry.register(vendor, name)
        settings = Settings.model_validate(merge_config(CONFIGURATION, change or {}))
        validated = validate(settings, registry)
        self.woken: list[str] = []
        self.app = build_application(
            settings,
            registry,
            validated,
            ledger,
            clock=clock,
            sleep=clock.sleep,
            rng=random.Random(seed),
            transports=transports,
        )
        self.app.ctx.wake.forward_to = self.woken.append
        self.ctx = self.app.ctx
        self.backend = ApplicationWebBackend(self.ctx)
        self.queues = self._schedule(set(build_jobs(self.ctx)) - HOUSEKEEPING_JOBS)

    def keep_house(self) -> None:
        """Run the jobs that delete what is old from now on, too."""
        self.queues = self._schedule(set(build_jobs(self.ctx)))

    def run(self, *, only: str = "") -> None:
        """Do all work that is due now, without housekeeping unless the test asked for it.

        Args:
            only: a part of the names of the queues to run; all by default.
        """
        for _ in range(self.rounds):
            drained_count, due_queues = 0, self._due_queues()
            for queue in self.queues:
                if only not in queue.name or queue.name not in due_queues:
                    continue
                due_at = queue.next_due(self.ctx)
                if due_at is not None and due_at <= self.clock() and queue.drain(lambda: False):
                    drained_count += 1
                    due_queues = self._due_queues()  # follow-up work goes before less urgent queues
            if not drained_count:
                return
        raise AssertionError("there is still due work after all rounds")

    def _schedule(self, names: Collection[str]) -> list[WorkQueue]:
        """Create the rows of the jobs with these names, and return all queues."""
        jobs = {name: job for name, job in build_jobs(self.ctx).items() if name in names}
        sync_job_rows(self.ctx, jobs)
        return build_queues(self.ctx, jobs)

    def store(self) -> None:
        """Parse received webhooks into events without deciding on them."""
        scope = pauses.queue_scope("crm", "decide")
        with self.ledger.write() as session:
            pauses.pause(session, scope, cause="operator", reason="paused by the test", now=self.clock())
        self.run(only="crm/parse")
        with self.ledger.write() as session:
            pauses.resume(session, scope)

    def _due_queues(self) -> set[str]:
        """Return the names of the queues with due rows, in one query because most queues are empty."""
        with self.ledger.read() as session:
            return set(session.execute(DUE_QUEUES, {"now": self.clock()}).scalars())

    def webhook(self, *facts: dict[str, Any], signature: str = "good", body: bytes | None = None) -> None:
        accept_webhook(
            self.backend,
            "crm",
            WebhookRequest(
                method="POST",
                url="https://nps.example.com/hooks/crm",
                headers={"x-signature": signature},
                body=json.dumps(list(facts)).encode() if body is None else body,
                received_at=self.clock(),
            ),
        )

    def won(self, person: str, *, at: datetime | None = None, deal: str | None = None, **fields: Any) -> dict[str, Any]:
        return {"id": deal or f"deal-{person}", "person": person, "at": (at or self.clock()).isoformat(), **fields}

    def surveyed(self, person: str = "1", email: str = "marie@example.com", **fields: Any) -> str:
        """Run a person's deal up to the survey mail and return the survey token."""
        self.crm.knows(person, email, **fields)
        self.webhook(self.won(person))
        self.run()
        self.clock.forward("3d")
        self.run()
        return self.token(email)

    def token(self, email: str, letter: str = "s") -> str:
        """Return the token of a link (``s`` survey, ``u`` unsubscribe, ``r`` review) in the newest mail to an address."""
        mail = next(message for message in reversed(self.post.items) if message.to.email == email)
        return re.search(rf"/{letter}/([\w.-]+)", mail.text)[1]

    def review_token(self, page: SurveyPage) -> str:
        """Return the token of the first review link of a thank-you page."""
        return page.reviews[0].url.rpartition("/")[2]

    def show(self, token: str, visit: PageView) -> SurveyPage:
        """Open a survey page as a browser does and return the page."""
        return self._browse(SurveyPageRequest(token, visit))

    def answer(
        self, token: str, score: int, comment: str | None = None, *, sent: bool = True, no_contact: bool = False
    ) -> SurveyPage:
        """Submit a score and return the resulting page."""
        submission = Submission(score=score, comment=comment, is_final=sent, do_not_contact=no_contact, language="fr")
        return self._browse(SurveyPageRequest(token, self.visit("POST"), submission))

    def _browse(self, visit: SurveyPageRequest) -> SurveyPage:
        for result in (self.backend.record_visits([visit])[0], self.backend.build_survey_pages([visit])[0]):
            if isinstance(result, Exception):
                raise result
        return result

    def visit(self, method: str = "GET", score: int | None = None) -> PageView:
        return PageView(method=method, at=self.clock(), score=score)

    def deliveries(self, action: str | None = None) -> list[DeliveryRow]:
        with self.ledger.read() as session:
            rows = session.execute(select(DeliveryRow).order_by(DeliveryRow.id)).scalars()
            return [row for row in rows if action in (None, row.action)]

    def states(self) -> dict[str, str]:
        return {row.action: row.state for row in self.deliveries()}
