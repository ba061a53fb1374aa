"""`nps-connect triggers`: try rules on what came in, and answer for what is held."""

import csv
import json
import tomllib
from datetime import timedelta

import pytest
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.sqlite_files import copy_database

from nps_connect.cli._support.options import CheckedConfig, Options
from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.services.decisions.held_triggers import count_held

SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "sales", "delay": "3d"}
CHANGE = {"limits": {"unusual": 2}, "triggers": [SALES]}


@pytest.fixture
def shop(configured, sqlite_template, monkeypatch):
    """Two days ago five people bought something: two are asked, three of them are held back."""
    path = configured.folder / "nps-connect.db"
    copy_database(sqlite_template, path)
    ledger = Ledger(f"sqlite:///{path}")
    application = configured.application = ApplicationHarness(
        ledger, ManualClock(system_clock() - timedelta(days=2)), CHANGE
    )
    for number in range(5):
        application.crm.knows(str(number), f"{number}@example.com")
    application.webhook(*(application.won(str(number), amount=100 * number) for number in range(5)))
    application.run(only="crm/")

    def checked(options: Options) -> CheckedConfig:
        change = tomllib.loads(options.config.read_text()) if options.config else CHANGE
        ctx = ApplicationHarness(ledger, application.clock, change).ctx
        return CheckedConfig(ctx.settings, ctx.plugins, {name: one.settings for name, one in ctx.connections.items()})

    monkeypatch.setattr(Options, "checked", checked)
    yield configured
    ledger.close()


def held(shop) -> dict[str, int]:
    with shop.application.ledger.read() as session:
        return count_held(session)


class TestHeld:
    """A flood waits for an operator, who is told how many people it is about."""

    @pytest.mark.parametrize(
        ("command", "told", "done"),
        [
            ("release", "Trigger sales would reach 3 customers.\n", "Released: 3 decisions, decided again now.\n"),
            (
                "refuse",
                "Trigger sales holds 3 customers back.\n",
                "Refused: 3 decisions; nobody of them is asked.\n",
            ),
        ],
    )
    def test_is_told_asked_about_and_done_once(self, shop, command, told, done):
        assert shop("triggers", command, "sales", "--dry-run").out == told
        refused = shop("triggers", command, "sales", answer="n\n")
        assert (refused.code, refused.out, held(shop)) == (1, told, {"sales": 3})
        silent = shop("triggers", command, "sales")
        assert (silent.code, held(shop)) == (1, {"sales": 3})
        assert "--yes goes on without asking" in silent.err
        assert shop("triggers", command, "sales", answer="y\n").out == told + done
        again = shop("triggers", command, "sales", "--yes")
        assert (again.code, held(shop)) == (1, {})
        assert "nothing of trigger 'sales' is held; see: nps-connect status" in again.err

    @pytest.mark.parametrize(("command", "done", "surveys"), [("release", "released", 5), ("refuse", "refused", 2)])
    def test_for_programs(self, shop, command, done, surveys):
        told = json.loads(shop("triggers", command, "sales", "--yes", "--json").out)
        assert told == {"trigger": "sales", "held": 3, done: 3}
        shop.application.clock.now = system_clock()
        shop.application.run(only="crm/")
        assert len(shop.application.deliveries("send_survey")) == surveys

    @pytest.mark.parametrize("command", ["release", "refuse"])
    def test_a_slip_of_the_pen_gets_the_nearest_name(self, shop, command):
        result = shop("triggers", command, "sale", "--yes")
        assert (result.code, result.err) == (1, "Error: nothing of trigger 'sale' is held; did you mean 'sales'?\n")


class TestSimulate:
    """Nothing is sent or written; people are named by connection and id."""

    def test_tells_who_would_be_surveyed_and_when(self, shop):
        lines = shop("triggers", "simulate").out.splitlines()
        due = (shop.application.clock() + timedelta(days=3)).strftime("%Y-%m-%d")
        people = [line.split() for line in lines if line.startswith("crm:")]
        assert [(who, survey, trigger, day) for who, survey, trigger, day, _ in people] == [
            ("crm:0", "after-purchase", "sales", due),
            ("crm:1", "after-purchase", "sales", due),
        ]
        assert lines[-1] == "5 events; 2 surveys"

    def test_tells_what_another_configuration_changes(self, shop):
        new = shop.folder / "new.toml"
        new.write_text(
            'triggers = [{on = "deal.won", from = "crm", survey = "after-purchase", name = "sales", delay = "4d", '
            'where = "amount >= 100 and amount <= 200"}]\n'
        )
        table = shop.folder / "people.csv"
        result = shop("triggers", "simulate", "--against", str(new), "--csv", str(table))
        assert result.out.splitlines()[-1] == "5 events; 2 surveys; 1 added, 1 removed, 1 moved"
        with table.open(encoding="utf-8", newline="") as stream:
            told = {row["contact"]: row["change"] for row in csv.DictReader(stream)}
        assert told == {"crm:0": "removed", "crm:1": "moved", "crm:2": "added"}
        assert "example.com" not in result.out + table.read_text()

    def test_for_programs(self, shop):
        told = json.loads(shop("triggers", "simulate", "--json").out)
        assert (told["events"], told["reasons"]["present"]) == (5, {"surveyed": 2, "unusual": 3})
        assert [one["contact"] for one in told["surveys"]] == ["crm:0", "crm:1"]

    def test_since_takes_days_and_spans(self, shop):
        for since in ("1d", f"{system_clock() - timedelta(days=1):%Y-%m-%d}"):
            assert json.loads(shop("triggers", "simulate", "--since", since, "--json").out)["events"] == 0
        day = f"{system_clock() - timedelta(days=9):%Y-%m-%d}"
        assert json.loads(shop("triggers", "simulate", "--since", day, "--json").out)["events"] == 5
        wrong = shop("triggers", "simulate", "--since", "soon")
        assert wrong.code == 2
        assert "neither a day such as 2026-01-31 nor a time such as 30d" in " ".join(wrong.err.split())


class TestStatus:
    """`nps-connect status`, in front of the same shop."""

    def test_for_people(self, shop):
        told = shop("status").out
        assert "surveys today" in told
        assert "held: 3 people of trigger sales; nps-connect triggers release|refuse 'sales'" in told

    def test_for_programs(self, shop):
        told = json.loads(shop("status", "--json").out)
        assert told["held"] == {"sales": 3}
        assert told["deliveries"] == {"pending": 3, "running": 0, "held": 0, "dead": 0}
        assert told["surveys_today"] == 0
