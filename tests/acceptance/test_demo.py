"""The whole walk, played by the demo in real processes: its figures must balance."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

PROGRAM = [sys.executable, "-c", "from nps_connect.cli import main; main(prog_name='nps-connect')"]
KEYS = {
    "contacts", "events", "surveys_sent", "responses", "scores_written", "reviews_invited", "tickets_opened",
    "alerts_sent", "opted_out", "duplicates_ignored", "scanner_visits", "deliveries", "nps", "seconds",
}  # fmt: skip
SEGMENTS = {"promoter", "passive", "detractor"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def start(*options):
    return subprocess.Popen([*PROGRAM, "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def played():
    process = start("--json")
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    assert "mismatch" not in errors
    return json.loads(output)


def test_it_prints_the_promised_object(played):
    assert set(played) == KEYS
    assert set(played["responses"]) == set(played["reviews_invited"]) == SEGMENTS
    assert set(played["nps"]) == {"score", "margin", "responses"}


def test_everybody_who_did_not_opt_out_got_one_survey(played):
    assert played["opted_out"] >= 2
    assert played["surveys_sent"] == played["contacts"] - played["opted_out"]


def test_each_answer_is_on_its_contact(played):
    assert min(played["responses"].values()) > 0
    assert played["scores_written"] == sum(played["responses"].values())


def test_some_never_answered(played):
    assert played["scores_written"] < played["surveys_sent"]


def test_each_detractor_has_one_ticket_and_one_alert(played):
    assert played["tickets_opened"] == played["alerts_sent"] == played["responses"]["detractor"]


def test_everybody_who_answered_was_asked_for_a_review_once(played):
    assert played["reviews_invited"] == played["responses"]


def test_resent_webhooks_and_scanners_had_no_effect(played):
    assert played["duplicates_ignored"] > 0
    assert played["scanner_visits"] > 0
    assert played["nps"]["responses"] == sum(played["responses"].values())


def test_no_delivery_is_dead_held_or_left(played):
    assert set(played["deliveries"]) <= {"succeeded", "cancelled", "skipped"}
    assert played["deliveries"]["succeeded"] > 0


def test_the_score_is_promoters_minus_detractors(played):
    answers, nps = played["responses"], played["nps"]
    assert nps["score"] == pytest.approx(
        100 * (answers["promoter"] - answers["detractor"]) / sum(answers.values()), abs=0.6
    )
    assert 0 < nps["margin"] < 100


def test_it_is_over_within_a_minute(played):
    assert played["seconds"] < 60


def test_a_few_people_and_another_seed_balance_too():
    process = start("--json", "--people", "7", "--seed", "5")
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    assert json.loads(output)["contacts"] == 7


def test_it_can_stay_up_to_be_looked_at_and_leaves_nothing_behind():
    process = start("--json", "--serve", "--people", "3")
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip() == "}":
                break
        addresses = json.loads("".join(lines))["addresses"]
        assert httpx.get(addresses["survey page"]).status_code == 200
        assert httpx.get(addresses["state"]).json()["mailbox"]
        folder = Path(addresses["configuration"]).parent
        assert folder.is_dir()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=40)
        assert process.returncode == 0, errors
        assert not folder.exists()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{addresses['product']}/healthz")
    finally:
        process.kill()
        process.communicate()
