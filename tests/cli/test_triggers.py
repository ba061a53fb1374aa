"""`nps-connect triggers`: simulate, release and refuse; `nps-connect status`."""

import csv
import json
import tomllib
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from support.application import CONFIGURATION, ApplicationHarness
from support.clock import ManualClock
from support.sqlite_files import copy_database

from nps_connect.cli._support.options import CheckedConfig, Options
from nps_connect.connection import system_clock
from nps_connect.ledger.current_counts import count_held
from nps_connect.ledger.ledger import Ledger

PARIS = ZoneInfo("Europe/Paris")  # of the company
SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "sales", "delay": "3d"}
CHANGE = {"limits": {"unusual": 2}, "triggers": [SALES]}


@pytest.fixture
def trigger_cli(configured_cli, sqlite_template, monkeypatch):
    """Five events two days ago, above the flood limit of two: two people are surveyed, three are held."""
    path = configured_cli.folder / "nps-connect.db"
    copy_database(sqlite_template, path)
    ledger = Ledger(f"sqlite:///{path}")
    application = configured_cli.application = ApplicationHarness(
        ledger, ManualClock(system_clock() - timedelta(days=2)), CHANGE
    )
    for number in range(5):
        application.crm.knows(str(number), f"{number}@example.com")
    application.webhook(*(application.won(str(number), amount=100 * number) for number in range(5)))
    application.run(only="crm/")

    def load_checked(options: Options) -> CheckedConfig:
        change = tomllib.loads(options.config.read_text()) if options.config else CHANGE
        ctx = ApplicationHarness(ledger, application.clock, change).ctx
        return CheckedConfig(
            ctx.settings, ctx.plugins, {name: connection.settings for name, connection in ctx.connections.items()}
        )

    monkeypatch.setattr(Options, "load_checked", load_checked)
    yield configured_cli
    ledger.close()


def held_people(trigger_cli) -> dict[str, int]:
    with trigger_cli.application.ledger.read() as session:
        return count_held(session)


class TestHeld:
    """A held trigger waits for an operator, who sees the number of people first."""

    @pytest.mark.parametrize(
        ("command", "result"),
        [
            ("release", "Released 3 decisions; evaluating them again now.\n"),
            ("refuse", "Rejected 3 decisions.\n"),
        ],
    )
    def test_command_needs_confirmation_and_works_once(self, trigger_cli, command, result):
        summary = "Trigger sales holds 3 customers.\n"
        assert trigger_cli("triggers", command, "sales", "--dry-run").out == summary
        refused = trigger_cli("triggers", command, "sales", answer="n\n")
        assert (refused.code, refused.out, held_people(trigger_cli)) == (1, summary, {"sales": 3})
        silent = trigger_cli("triggers", command, "sales")
        assert (silent.code, held_people(trigger_cli)) == (1, {"sales": 3})
        assert "pass --yes to skip the prompt" in silent.err
        assert trigger_cli("triggers", command, "sales", answer="y\n").out == summary + result
        repeated = trigger_cli("triggers", command, "sales", "--yes")
        assert (repeated.code, held_people(trigger_cli)) == (1, {})
        assert "trigger 'sales' holds nobody; see: nps-connect triggers list" in repeated.err

    @pytest.mark.parametrize(("command", "key", "surveys"), [("release", "released", 5), ("refuse", "refused", 2)])
    def test_json_output(self, trigger_cli, command, key, surveys):
        output = json.loads(trigger_cli("triggers", command, "sales", "--yes", "--json").out)
        assert output == {"trigger": "sales", "held": 3, key: 3}
        trigger_cli.application.clock.now = system_clock()
        trigger_cli.application.run(only="crm/")
        assert len(trigger_cli.application.deliveries("send_survey")) == surveys

    @pytest.mark.parametrize("command", ["release", "refuse"])
    def test_typo_suggests_the_nearest_name(self, trigger_cli, command):
        result = trigger_cli("triggers", command, "sale", "--yes")
        assert (result.code, "there is no trigger 'sale'" in result.err) == (2, True)
        assert "did you mean 'sales'?" in result.err


class TestSimulate:
    """Simulation sends and writes nothing and shows people by connection and id."""

    def test_lists_surveys_with_due_dates(self, trigger_cli):
        lines = trigger_cli("triggers", "simulate").out.splitlines()
        due = f"{(trigger_cli.application.clock() + timedelta(days=3)).astimezone(PARIS):%Y-%m-%d}"
        people = [line.split() for line in lines if line.startswith("crm:")]
        assert [(contact, survey, trigger, day) for contact, survey, trigger, day, _ in people] == [
            ("crm:0", "after-purchase", "sales", due),
            ("crm:1", "after-purchase", "sales", due),
        ]
        assert "5 events; 2 surveys" in lines

    def test_against_compares_with_another_configuration(self, trigger_cli):
        new = trigger_cli.folder / "new.toml"
        new.write_text(
            'triggers = [{on = "deal.won", from = "crm", survey = "after-purchase", name = "sales", delay = "4d", '
            'where = "amount >= 100 and amount <= 200"}]\n'
        )
        table = trigger_cli.folder / "people.csv"
        result = trigger_cli("triggers", "simulate", "--against", str(new), "--csv", str(table))
        assert "5 events; 2 surveys; 1 added, 1 removed, 1 moved" in result.out.splitlines()
        with table.open(encoding="utf-8", newline="") as stream:
            change_by_contact = {row["contact"]: row["change"] for row in csv.DictReader(stream)}
        assert change_by_contact == {"crm:0": "removed", "crm:1": "moved", "crm:2": "added"}
        assert "example.com" not in result.out + table.read_text()

    def test_json_output(self, trigger_cli):
        output = json.loads(trigger_cli("triggers", "simulate", "--json").out)
        assert (output["events"], output["reasons"]["present"]) == (5, {"surveyed": 2, "unusual": 3})
        assert [survey["contact"] for survey in output["surveys"]] == ["crm:0", "crm:1"]

    def test_routes_are_simulated_with_recorded_responses(self, trigger_cli):
        application = trigger_cli.application
        application.clock.forward("3d")
        application.run()
        application.answer(application.token("0@example.com"), 2, "a comment")
        new = trigger_cli.folder / "new.toml"
        without_ticket = [route for route in CONFIGURATION["routes"] if route["do"] != "open_ticket"]
        lines = [", ".join(f"{key} = {json.dumps(value)}" for key, value in route.items()) for route in without_ticket]
        new.write_text(f"routes = [{', '.join('{' + line + '}' for line in lines)}]\n")
        summary = "1 response; 3 actions; 0 added, 1 removed, 0 moved"
        output = trigger_cli("triggers", "simulate", "--against", str(new)).out
        assert ["removed", "crm:0", "open_ticket", "helpdesk"] in [line.split()[:4] for line in output.splitlines()]
        assert summary in output.splitlines()
        assert "1 response; 4 actions" in trigger_cli("triggers", "simulate").out.splitlines()
        routes = json.loads(trigger_cli("triggers", "simulate", "--against", str(new), "--json").out)["routes"]
        assert [(action["contact"], action["action"]) for action in routes["removed"]] == [("crm:0", "open_ticket")]

    def test_since_accepts_days_and_ages(self, trigger_cli):
        today = system_clock().astimezone(PARIS)  # days are those of the company's zone
        for since in ("1d", f"{today - timedelta(days=1):%Y-%m-%d}"):
            assert json.loads(trigger_cli("triggers", "simulate", "--since", since, "--json").out)["events"] == 0
        day = f"{today - timedelta(days=9):%Y-%m-%d}"
        assert json.loads(trigger_cli("triggers", "simulate", "--since", day, "--json").out)["events"] == 5
        invalid = trigger_cli("triggers", "simulate", "--since", "soon")
        assert invalid.code == 2
        assert "neither a day such as 2026-01-31, a time such as 2026-01-31T14:00 nor an age such as 30d" in " ".join(
            invalid.err.split()
        )


class TestStatus:
    """`nps-connect status` with held people."""

    def test_text_output(self, trigger_cli):
        output = trigger_cli("status").out
        assert "0 of 200 surveys sent" in output
        assert "people held by trigger sales: 3" in output
        assert "nps-connect triggers release|refuse 'sales'" in output

    def test_json_output(self, trigger_cli):
        output = json.loads(trigger_cli("status", "--json").out)
        assert output["held"] == {"sales": 3}
        assert output["deliveries"] == {"pending": 3, "running": 0, "held": 0, "dead": 0}
        assert output["surveys_today"] == 0
