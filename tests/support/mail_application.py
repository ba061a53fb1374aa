"""An application whose channel sends by a real relay and reads bounces from a real mailbox."""

from __future__ import annotations

import time

from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.mail_servers import CARE, MailServers, wait_for

from nps_connect.builtin import email
from nps_connect.ledger import pauses
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import AttemptRow
from nps_connect.services.suppressions.bounces import fetch_bounces
from nps_connect.settings.origins import ReferencedText

REPORT_TIMEOUT_SECONDS = 30.0


class MailApplication(ApplicationHarness):
    """An application whose channel sends by the relay and reads bounces from Dovecot."""

    servers: MailServers

    def survey(self, *addresses: str) -> None:
        """Survey people whose deals are won now, three days later."""
        for address in addresses:
            self.crm.knows(address, address)
        # Message-IDs are made of the deals: those of each scenario are its own.
        self.webhook(*(self.won(address, deal=f"{address}-{time.monotonic_ns()}") for address in addresses))
        self.run()
        self.clock.forward("3d")
        self.run()

    def states(self) -> set[str]:
        """Return the states of the survey mails."""
        return {row.state for row in self.deliveries("send_survey")}

    def bounces(self) -> list[tuple[str, str, bool]]:
        """Return kind, source and whether it is attributed to a mail, of each bounce."""
        with self.ledger.read() as session:
            rows = session.execute(select(BounceRow).order_by(BounceRow.id)).scalars()
            return [(row.kind, row.source, row.delivery_id is not None) for row in rows]

    def said(self) -> str:
        """Return what a server said: the text of the newest bounce, else the newest error of a delivery."""
        with self.ledger.read() as session:
            bounce = session.execute(select(BounceRow).order_by(BounceRow.id.desc())).scalars().first()
        attempts = [self._answer(row.id) for row in self.deliveries("send_survey")]
        answer = next((answer for answer in reversed(attempts) if answer), None)
        return answer or (bounce.detail if bounce else "")

    def suppressed(self) -> list[str | None]:
        """Return `provisional_for` of each suppression."""
        with self.ledger.read() as session:
            return list(session.execute(select(SuppressionRow.provisional_for)).scalars())

    def paused(self) -> list[str]:
        """Return what is paused."""
        with self.ledger.read() as session:
            return sorted(pauses.load_pauses(session))

    def read_reports(self, count: int = 1) -> None:
        """Wait until so many bounces are read from the mailbox."""
        progress: dict = {}

        def has_arrived() -> bool:
            fetch_bounces(self.ctx, "mail", progress)
            assert "failure" not in progress, progress
            return len([source for _, source, _ in self.bounces() if source == "mailbox"]) >= count

        wait_for(
            has_arrived, f"no report of {count} came back: {self.servers.log('mx')[-6000:]}", REPORT_TIMEOUT_SECONDS
        )

    def _answer(self, delivery_id: int) -> str | None:
        with self.ledger.read() as session:
            query = select(AttemptRow.exchange).where(AttemptRow.delivery_id == delivery_id)
            exchanges = session.execute(query.order_by(AttemptRow.id.desc())).scalars().all()
        return next((f"{exchange['code']} {exchange['answer']}" for exchange in exchanges if exchange), None)


def build_mail_application(servers: MailServers, ledger: Ledger, *, has_login: bool) -> MailApplication:
    """Return an application that uses the servers, with or without a login."""
    smtp_url = servers.smtp_url if has_login else servers.anonymous_smtp_url
    channel = {
        "plugin": "email",
        "smtp_url": ReferencedText(smtp_url, "the servers"),
        "bounces_url": ReferencedText(servers.imap_url(), "the servers"),
        "sender": f"Exemple SA <{CARE}>",
        "reply_to": CARE,
    }
    change = {"connections": {"mail": channel}, "limits": {"surveys_per_day": 1000, "unusual": 1000}}
    application = MailApplication(ledger, ManualClock(), change, email=email)
    application.servers = servers
    return application
