"""All side effects of responses, opt-outs and clicks, read from the ledger, the fake vendors and the reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from playwright.async_api import async_playwright
from sqlalchemy import func, select
from support import chromium_browser
from support.smtp_fixture import SmtpApplicationHarness

from nps_connect.cli import main
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, PageViewRow, ResponseRow, RevisionRow

STAFF_ADDRESS = "care@example.com"

SURVEY_MAIL_ACTIONS = ("send_survey", "send_reminder")
CONFIGURATION = """\
[core]
public_url = "https://nps.example.com"
database_url = { env = "CRAWLED_DATABASE" }
company = "Exemple SA"
signing_keys = [{ env = "CRAWLED_KEY" }]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"
"""
CUSTOMER_ACTIONS = ("detractor", "passive", "promoter", "unsubscribe")
SCORES = {"detractor": 2, "passive": 7, "promoter": 10}
ROW_LIMIT = 100_000


class SideEffects:
    """Reads the side effects of an application and submits responses as customers do.

    Args:
        application: the application.
        folder: an empty folder for the configuration of the command line.
    """

    def __init__(self, application: SmtpApplicationHarness, folder: Path) -> None:
        self._application = application
        self._config = folder / "nps-connect.toml"
        self._config.write_text(CONFIGURATION, encoding="utf-8")

    def effects(self) -> dict[str, Any]:
        """Return all side effects except survey mails and reminders, which everybody gets."""
        application = self._application
        with application.ledger.read() as session:

            def count(table, *where) -> int:
                return session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()

            deliveries = session.execute(select(DeliveryRow.key, DeliveryRow.state, DeliveryRow.action)).all()
            return {
                "confirmed": count(ResponseRow, ResponseRow.revision > 0),
                "revisions": count(RevisionRow),
                "cases": count(CaseRow),
                "stopped": count(SuppressionRow) + count(BounceRow) + count(ContactRow, ContactRow.opted_out.is_(True)),
                "deliveries": sorted(
                    (key, state) for key, state, action in deliveries if action not in SURVEY_MAIL_ACTIONS
                ),
                "scores": application.crm.scores,
                "opt_outs": len(application.crm.opt_outs),
                "tickets": len(application.desk.items),
                "updates": len(application.desk.updates),
                "alerts": len(application.bell.items),
                "review mails": len([mail for mail in application.gateway.mails() if _is_review_mail(mail)]),
            }

    def report(self) -> dict[str, Any]:
        """Return the NPS as reported by the command line."""
        report = self._run_json("report")
        return {key: report[key] for key in ("score", "responses", "provisional_share")}

    def provisional(self) -> list[dict[str, Any]]:
        """Return the unconfirmed responses as listed by the command line."""
        return list(self._run_json("responses", "list", "--provisional", "--limit", str(ROW_LIMIT))["items"])

    def _run_json(self, *command: str) -> Any:
        url = self._application.ledger.engine.url
        address = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
        environ = {"CRAWLED_DATABASE": address, "CRAWLED_KEY": "a-signing-key-for-tests"}
        environ |= {"NPS_CONNECT_LOAD_PLUGINS": "email,alerts", "NPS_CONNECT_CONFIG": str(self._config)}
        result = CliRunner(env=environ).invoke(main, [*command, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def signs(self) -> Counter[str]:
        """Return how often each bot signal was recorded."""
        with self._application.ledger.read() as session:
            query = select(PageViewRow.bot_signals).where(PageViewRow.bot_signals.is_not(None))
            return Counter(signal for signals in session.execute(query).scalars() for signal in signals.split(","))

    def follow_up_mails(self, numbers: Sequence[int]) -> Counter[str]:
        """Count the mails that people got after the survey mail, by kind."""
        recipients = {f"p{number}@example.com" for number in numbers}
        mails = [mail for mail in self._application.gateway.mails() if mail.to[0] in recipients]
        later = mails[len(recipients) :]
        assert len({mail.to[0] for mail in later}) == len(later), "at most one further mail per person"
        subject_starts = (
            ("Rappel", "reminder"),
            ("Reminder", "reminder"),
            ("Vous avez choisi", "confirm"),
            ("You chose", "confirm"),
        )
        return Counter(
            next((kind for start, kind in subject_starts if mail.subject.startswith(start)), mail.subject)
            for mail in later
        )

    async def submit_as_customers(self, numbers: Sequence[int]) -> dict[int, str]:
        """Submit responses and opt-outs as customers do, starting from their mails; return the action per person."""
        actions = {number: CUSTOMER_ACTIONS[index % len(CUSTOMER_ACTIONS)] for index, number in enumerate(numbers)}
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium_browser.chromium_path(),
                args=[*chromium_browser.CHROMIUM_FLAGS, chromium_browser.LOOPBACK_ONLY_FLAG],
            )
            page = await browser.new_page()
            for number, kind in actions.items():
                self._application.clock.forward("1h")
                mail = next(
                    mail for mail in self._application.gateway.mails() if mail.to[0] == f"p{number}@example.com"
                )
                await CUSTOMER_ACTION_STEPS[kind](page, mail)
                await page.get_by_role("heading", level=1).wait_for()
            await browser.close()
        return actions


def _is_survey_mail(mail) -> bool:
    return any("/s/" in link for link in mail.links)


async def _submit_form(page, mail) -> None:
    """Follow a score link of the mail, add a comment and submit."""
    await page.goto(next(link for link in mail.links if link.endswith("score=2")))
    await page.locator("textarea[name=comment]").fill("Trop lent")
    await page.locator("button[name=send]").click()


async def _submit_by_keyboard(page, mail) -> None:
    await page.goto(mail.links[0].partition("?")[0])
    await page.locator("button[name=score][value='7']").focus()
    await page.keyboard.press("Enter")


async def _click_score(page, mail) -> None:
    """Follow a score link of the mail and click another score."""
    await page.goto(next(link for link in mail.links if link.endswith("score=3")))
    await page.locator("button[name=score][value='10']").click()


async def _unsubscribe(page, mail) -> None:
    await page.goto(next(link for link in mail.links if "/u/" in link))
    await page.get_by_role("button").click()


CUSTOMER_ACTION_STEPS = {
    "detractor": _submit_form,
    "passive": _submit_by_keyboard,
    "promoter": _click_score,
    "unsubscribe": _unsubscribe,
}


def _is_review_mail(mail) -> bool:
    """Return whether a mail went to a customer after their response; reminders of cases go to staff."""
    return not _is_survey_mail(mail) and mail.to[0] != STAFF_ADDRESS
