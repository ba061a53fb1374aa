"""A whole product in one process: ledger, small vendors, a clock that is moved by hand; no thread, no network."""

from __future__ import annotations

import json
import random
import re
from datetime import datetime
from typing import Any

from sqlalchemy import select, union
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
from nps_connect.worker.queues import build_queues

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


def merge_config(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The configuration with some values replaced."""
    merged = dict(base)
    for key, value in change.items():
        merged[key] = (
            merge_config(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
        )
    return merged


class ApplicationHarness:
    rounds = 100
    """How often all queues are gone through until something must be wrong."""

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
        known = Plugins()
        vendors: dict[str, FakeVendor | object] = {
            "acme": self.crm,
            "desk": self.desk,
            "post": self.post,
            "bell": self.bell,
            "stars": self.stars,
            **plugins,
        }
        for name, vendor in vendors.items():
            known.register(vendor, name)
        settings = Settings.model_validate(merge_config(CONFIGURATION, change or {}))
        parsed = validate(settings, known, where="nps-connect.toml")
        self.woken: list[str] = []
        self.app = build_application(
            settings,
            known,
            parsed,
            ledger,
            clock=clock,
            sleep=clock.sleep,
            rng=random.Random(seed),
            transports=transports,
        )
        self.app.wake_relay.forward_to = self.woken.append
        self.ctx = self.app.ctx
        self.backend = ApplicationWebBackend(self.ctx)
        jobs = build_jobs(self.ctx)
        sync_job_rows(self.ctx, jobs)
        self.queues = build_queues(self.ctx, jobs)

    def run(self, *, only: str = "") -> None:
        """Work off everything that is due now."""
        for _ in range(self.rounds):
            done, filled = 0, self._filled()
            for queue_name in self.queues:
                if only not in queue_name.name or queue_name.name not in filled:
                    continue
                due = queue_name.next_due(self.ctx)
                if due is not None and due <= self.clock() and queue_name.drain(lambda: False):
                    done, filled = done + 1, self._filled()  # what it leads to comes before less urgent queues
            if not done:
                return
        raise AssertionError("the queues never came to rest")

    def store(self) -> None:
        """Let what webhooks told be stored, and wait for its decision."""
        scope = pauses.queue_scope("crm", "decide")
        with self.ledger.write() as session:
            pauses.pause(session, scope, cause="operator", reason="the test decides", now=self.clock())
        self.run(only="crm/parse")
        with self.ledger.write() as session:
            pauses.resume(session, scope)

    def _filled(self) -> set[str]:
        """Names of the queues in which something is due; asked at once, because most are empty."""
        tables = {queue_name.table for queue_name in self.queues}
        queries = [
            select(col(table.queue_name)).where(col(table.state) == "pending", col(table.due_at) <= self.clock())
            for table in tables
        ]
        with self.ledger.read() as session:
            return set(session.execute(union(*queries)).scalars())

    def webhook(self, *facts: dict[str, Any], signature: str = "good", body: bytes | None = None) -> None:
        self.backend.accept_webhook(
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

    def surveyed(self, person: str = "1", email: str = "marie@example.com", **more: Any) -> str:
        """Walk a person up to the survey mail; gives the survey token."""
        self.crm.knows(person, email, **more)
        self.webhook(self.won(person))
        self.run()
        self.clock.forward("3d")
        self.run()
        return self.token(email)

    def token(self, email: str, letter: str = "s") -> str:
        mail = next(message for message in reversed(self.post.items) if message.to.email == email)
        return re.search(rf"/{letter}/([\w.-]+)", mail.text)[1]

    def show(self, token: str, visit: PageView) -> SurveyPage:
        """Open a survey page, as a browser does."""
        return self._browse(SurveyPageRequest(token, visit))

    def answer(
        self, token: str, score: int, comment: str | None = None, *, sent: bool = True, no_contact: bool = False
    ) -> SurveyPage:
        """Press a score; the page that is shown then."""
        press = Submission(score=score, comment=comment, is_final=sent, do_not_contact=no_contact, language="fr")
        return self._browse(SurveyPageRequest(token, self.visit("POST"), press))

    def _browse(self, visit: SurveyPageRequest) -> SurveyPage:
        for told in (self.backend.record_visits([visit])[0], self.backend.build_survey_pages([visit])[0]):
            if isinstance(told, Exception):
                raise told
        return told

    def visit(self, method: str = "GET", score: int | None = None) -> PageView:
        return PageView(method=method, at=self.clock(), score=score)

    def deliveries(self, action: str | None = None) -> list[DeliveryRow]:
        with self.ledger.read() as session:
            rows = session.execute(select(DeliveryRow).order_by(DeliveryRow.id)).scalars()
            return [row for row in rows if action in (None, row.action)]

    def states(self) -> dict[str, str]:
        return {row.action: row.state for row in self.deliveries()}
