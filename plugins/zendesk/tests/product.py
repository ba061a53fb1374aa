"""The whole product in one process with the real plugin: ledger, simulated Zendesk, a mail channel, a manual clock."""

from __future__ import annotations

import random
import re

from sqlalchemy import select
from support.webhooks import accept_webhook

import nps_connect_zendesk
from nps_connect import ActionInfo, ConnectionSettings, ConnectorInfo, ExampleConfiguration, Receipt, hookimpl
from nps_connect.app.application import build_application
from nps_connect.app.validation import validate
from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DecisionRow, DeliveryRow
from nps_connect.plugins import Plugins
from nps_connect.records.pages import PageView, Submission, SurveyPageRequest
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText
from nps_connect.testing import received_webhook
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import build_queues
from nps_connect_zendesk.simulated.access_control import TOKEN
from nps_connect_zendesk.simulated.resource_api import SECRET

HELPDESK_WEBHOOK_URL = "https://nps.example.com/hooks/helpdesk"

CONFIGURATION = {
    "core": {
        "public_url": "https://nps.example.com",
        "company": "Exemple SA",
        "languages": ["en"],
        "timezone": "Europe/Paris",
        "signing_keys": ["a-signing-key-for-tests"],
        "fallback_email": "care@example.com",
        "privacy_notice_url": "https://www.example.com/privacy",
        "mode": "live",
    },
    "connections": {
        "mail": {"plugin": "post"},
        "helpdesk": {
            "plugin": "zendesk",
            "subdomain": "exemple",
            "access_token": ReferencedText(TOKEN, "environment"),
            "events": "webhook",
            "webhook_secret": ReferencedText(SECRET, "environment"),
        },
    },
    "surveys": {"after-support": {"channel": "mail"}, "after-recovery": {"channel": "mail"}},
    "triggers": [{"on": "ticket.solved", "from": "helpdesk", "survey": "after-support", "delay": "1d"}],
    "limits": {"quiet_hours": "off", "quiet_days": []},
    "routes": [
        {"on": "any", "do": "write_score", "via": "helpdesk"},
        {"on": "detractor", "do": "open_ticket", "via": "helpdesk"},
    ],
    "recovery": {"survey": "after-recovery", "delay": "3d"},
}


class FakeMailChannel:
    """A channel that stores the mails."""

    def __init__(self):
        self.mails = []

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="post",
            title="Post",
            settings=ConnectionSettings,
            actions=(ActionInfo(action="send_survey"),),
            channel=True,
            example=ExampleConfiguration(connection="mail", table=""),
        )

    @hookimpl
    def nps_send_messages(self, connection, messages):
        self.mails += messages
        return [Receipt(id=message.idempotency_key) for message in messages]


class ProductHarness:
    """The joined product; `run` does due work, `clock.forward` advances the time."""

    def __init__(self, ledger, vendor, transport, clock, *, helpdesk=None, **change):
        self.ledger, self.vendor, self.clock, self.post = ledger, vendor, clock, FakeMailChannel()
        plugins = Plugins()
        plugins.register(nps_connect_zendesk, "zendesk")
        plugins.register(self.post, "post")
        connections = {
            **CONFIGURATION["connections"],
            "helpdesk": {**CONFIGURATION["connections"]["helpdesk"], **(helpdesk or {})},
        }
        settings = Settings.model_validate({**CONFIGURATION, "connections": connections, **change})
        parsed = validate(settings, plugins)
        self.app = build_application(
            settings,
            plugins,
            parsed,
            ledger,
            clock=clock,
            sleep=clock.sleep,
            rng=random.Random(7),
            transports={"helpdesk": transport},
        )
        self.ctx = self.app.ctx
        self.backend = ApplicationWebBackend(self.ctx)
        jobs = build_jobs(self.ctx)
        sync_job_rows(self.ctx, jobs)
        self.queues = build_queues(self.ctx, jobs)

    def run(self, *, only=""):
        """Run the queues until nothing is due."""
        for _ in range(100):
            done = 0
            for queue in self.queues:
                due = queue.next_due(self.ctx)
                if only in queue.name and due is not None and due <= self.clock():
                    done += queue.drain(lambda: False)
            if not done:
                return
        raise AssertionError("the queues never became idle")

    def deliver_event(self, kind, email):
        """Simulate an event at Zendesk and deliver its webhooks."""
        self.deliver_facts(self.vendor.simulate_event(kind, email))

    def deliver_facts(self, facts):
        """Deliver the webhooks of events at Zendesk."""
        for webhook in self.vendor.webhooks(facts, HELPDESK_WEBHOOK_URL):
            accept_webhook(self.backend, "helpdesk", received_webhook(webhook, self.clock(), HELPDESK_WEBHOOK_URL))
        self.run()

    def wait_for_survey(self, survey, *, after):
        """Advance the time; returns the token of the newest mail of this survey."""
        self.clock.forward(after)
        self.run()
        mail = next(mail for mail in reversed(self.post.mails) if (mail.list_id or "").startswith(f"{survey}."))
        return re.search(r"/s/([\w.-]+)", mail.text)[1]

    def respond(self, token, score, comment=None):
        """Submit the customer's response."""
        submission = Submission(score=score, comment=comment, is_final=True, language="en")
        self.backend.record_visits([SurveyPageRequest(token, PageView(method="POST", at=self.clock()), submission)])
        self.run()

    def rows(self, table=DeliveryRow):
        with self.ledger.read() as session:
            return list(session.execute(select(table).order_by(table.id)).scalars())

    @property
    def case(self):
        return self.rows(CaseRow)[0]

    @property
    def decisions(self):
        return [(row.trigger.split(":")[1], row.verdict, row.reason) for row in self.rows(DecisionRow)]

    def tickets(self):
        """Return our own tickets at Zendesk."""
        return [ticket for ticket in self.vendor.state()["tickets"] if "nps_connect" in ticket["tags"]]
