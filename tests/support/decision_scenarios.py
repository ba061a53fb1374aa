"""One scenario per decision reason: a configuration and the steps that lead to the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.application import ApplicationHarness
from support.clock import START
from support.fake_vendors import EXAMPLE_CONFIGURATION

from nps_connect import ConnectionSettings, ConnectorInfo, SurveyProposal, Veto, hookimpl
from nps_connect.services.decisions.held_triggers import reject_held
from nps_connect.services.suppressions.store import suppress

TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase"}


class ThirdPartyPlugin:
    """A third-party plugin that proposes, vetoes or fails."""

    proposal: SurveyProposal | None = None
    veto: Veto | None = None
    failure: Exception | None = None

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="third", title="Third", settings=ConnectionSettings, actions=(), example=EXAMPLE_CONFIGURATION
        )

    @hookimpl
    def nps_trigger_survey(self, event, contact, history):
        if self.failure:
            raise self.failure
        return self.proposal

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        return self.veto


def win_deals(application: ApplicationHarness, *ids: str, **fields: Any) -> None:
    for contact_id in ids:
        application.webhook(
            application.won(contact_id, deal=f"{contact_id}-{application.clock().timestamp()}", **fields)
        )
        application.run()
        application.clock.forward("1h")


def win_deal_of_known_contact(application: ApplicationHarness, **fields: Any) -> None:
    application.crm.knows("1", "marie@example.com", **fields)
    win_deals(application, "1")


def win_two_deals(application: ApplicationHarness) -> None:
    application.crm.knows("1", "marie@example.com")
    application.crm.knows("2", "paul@example.com")
    application.webhook(application.won("1"), application.won("2"))
    application.run()


def ambiguous_contact(application: ApplicationHarness) -> None:
    application.crm.knows("2", "paul@example.com", merged_ids=("1",))
    win_deal_of_known_contact(application)


def suppressed_contact(application: ApplicationHarness) -> None:
    win_deal_of_known_contact(application)
    with application.ledger.write() as session:
        suppress(application.ctx, session, ["c:1"], "objected", source="by telephone")
    win_deals(application, "1")


def vetoed_survey(application: ApplicationHarness) -> None:
    application.third.veto = Veto(reason="a dispute is open")
    win_deal_of_known_contact(application)


def unusable_proposal(application: ApplicationHarness) -> None:
    application.third.proposal = SurveyProposal(survey="after-purchases", reason="a slip")
    win_deal_of_known_contact(application)


def superseded_event(application: ApplicationHarness) -> None:
    win_deal_of_known_contact(application)
    win_deals(application, "1", "1")


def rejected_held_event(application: ApplicationHarness) -> None:
    win_two_deals(application)
    with application.ledger.write() as session:
        assert reject_held(session, "crm:deal.won:after-purchase") == 1


def outdated_event(application: ApplicationHarness) -> None:
    application.crm.knows("1", "marie@example.com")
    win_deals(application, "1", at=START.replace(hour=1))


ScenarioStep = Callable[[ApplicationHarness], None]
SCENARIOS: dict[str, tuple[dict[str, Any], ScenarioStep, str]] = {
    "surveyed": ({}, win_deal_of_known_contact, "yes"),
    "inactive": ({"triggers": [{**TRIGGER, "active_from": "2031-01-01"}]}, win_deal_of_known_contact, "no"),
    "too_old": ({"limits": {"max_event_age": "1h"}}, outdated_event, "no"),
    "filter": ({"triggers": [{**TRIGGER, "where": "amount >= 100"}]}, win_deal_of_known_contact, "no"),
    "no_contact": ({}, lambda application: win_deals(application, "9"), "deferred"),
    "several_contacts": ({}, ambiguous_contact, "no"),
    "no_address": ({}, lambda application: (application.crm.knows("1"), win_deals(application, "1")), "no"),
    "opted_out": ({}, lambda application: win_deal_of_known_contact(application, opted_out=True), "no"),
    "suppressed": ({}, suppressed_contact, "no"),
    "sample": ({"triggers": [{**TRIGGER, "sample": 1e-9}]}, win_deal_of_known_contact, "no"),
    "veto": ({}, vetoed_survey, "no"),
    "unusable_proposal": ({"triggers": []}, unusable_proposal, "no"),
    "outranked": ({"triggers": [TRIGGER, {**TRIGGER, "name": "other"}]}, win_deal_of_known_contact, "no"),
    "cooldown": ({}, superseded_event, "no"),
    "superseded": ({"limits": {"when_blocked": "defer", "cooldown": "5d"}}, superseded_event, "no"),
    "unusual": ({"limits": {"unusual": 1}}, win_two_deals, "held"),
    "refused": ({"limits": {"unusual": 1}}, rejected_held_event, "no"),
    "daily_cap": ({"limits": {"surveys_per_day": 1}}, win_two_deals, "deferred"),
}
