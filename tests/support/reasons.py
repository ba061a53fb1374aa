"""How each reason of a decision comes about: a configuration, and what happens then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.clock import START
from support.house import House
from support.vendors import EXAMPLE

from nps_connect import ConnectionSettings, ConnectorInfo, SurveyProposal, Veto, hookimpl
from nps_connect.flows.contacts.people import suppress
from nps_connect.flows.deciding.holding import refuse

TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase"}


class Third:
    """A plugin of somebody else."""

    proposal: SurveyProposal | None = None
    veto: Veto | None = None
    failure: Exception | None = None

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(name="third", title="Third", settings=ConnectionSettings, actions=(), example=EXAMPLE)

    @hookimpl
    def nps_trigger_survey(self, event, contact, history):
        if self.failure:
            raise self.failure
        return self.proposal

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        return self.veto


def won(house: House, *people: str, **more: Any) -> None:
    for person in people:
        house.webhook(house.won(person, deal=f"{person}-{house.clock().timestamp()}", **more))
        house.run()
        house.clock.forward("1h")


def knows(house: House, **more: Any) -> None:
    house.crm.knows("1", "marie@example.com", **more)
    won(house, "1")


def two(house: House) -> None:
    house.crm.knows("1", "marie@example.com")
    house.crm.knows("2", "paul@example.com")
    house.webhook(house.won("1"), house.won("2"))
    house.run()


def ambiguous(house: House) -> None:
    house.crm.knows("2", "paul@example.com", merged_ids=("1",))
    knows(house)


def suppressed(house: House) -> None:
    knows(house)
    with house.ledger.write() as session:
        suppress(session, "c:1", "objected", source="by telephone", now=house.clock())
    won(house, "1")


def vetoed(house: House) -> None:
    house.third.veto = Veto(reason="a dispute is open")
    knows(house)


def unusable(house: House) -> None:
    house.third.proposal = SurveyProposal(survey="after-purchases", reason="a slip")
    knows(house)


def superseded(house: House) -> None:
    knows(house)
    won(house, "1", "1")


def refused(house: House) -> None:
    two(house)
    with house.ledger.write() as session:
        assert refuse(session, "crm:deal.won:after-purchase") == 1


def old(house: House) -> None:
    house.crm.knows("1", "marie@example.com")
    won(house, "1", at=START.replace(hour=1))


Act = Callable[[House], None]
SCENARIOS: dict[str, tuple[dict[str, Any], Act, str]] = {
    "surveyed": ({}, knows, "yes"),
    "inactive": ({"triggers": [{**TRIGGER, "active_from": "2031-01-01"}]}, knows, "no"),
    "too_old": ({"limits": {"max_event_age": "1h"}}, old, "no"),
    "filter": ({"triggers": [{**TRIGGER, "where": "amount >= 100"}]}, knows, "no"),
    "no_contact": ({}, lambda house: won(house, "9"), "no"),
    "several_contacts": ({}, ambiguous, "no"),
    "no_address": ({}, lambda house: (house.crm.knows("1"), won(house, "1")), "no"),
    "opted_out": ({}, lambda house: knows(house, opted_out=True), "no"),
    "suppressed": ({}, suppressed, "no"),
    "sample": ({"triggers": [{**TRIGGER, "sample": 1e-9}]}, knows, "no"),
    "veto": ({}, vetoed, "no"),
    "unusable_proposal": ({"triggers": []}, unusable, "no"),
    "outranked": ({"triggers": [TRIGGER, {**TRIGGER, "name": "other"}]}, knows, "no"),
    "cooldown": ({}, superseded, "no"),
    "superseded": ({"limits": {"when_blocked": "defer", "cooldown": "5d"}}, superseded, "no"),
    "unusual": ({"limits": {"unusual": 1}}, two, "held"),
    "refused": ({"limits": {"unusual": 1}}, refused, "no"),
    "daily_cap": ({"limits": {"surveys_per_day": 1}}, two, "deferred"),
}
