"""`nps-connect demo` in real processes: its figures must balance."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

COMMAND = [sys.executable, "-c", "from nps_connect.cli import main; main(prog_name='nps-connect')"]
KEYS = {
    "contacts", "events", "surveys_sent", "responses", "scores_written", "reviews_invited", "tickets_opened",
    "alerts_sent", "opted_out", "duplicates_ignored", "scanner_visits", "deliveries", "nps", "seconds",
}  # fmt: skip
SEGMENTS = {"promoter", "passive", "detractor"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def start(*options):
    return subprocess.Popen([*COMMAND, "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def figures():
    process = start("--json")
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    assert "mismatch" not in errors
    return json.loads(output)


def test_it_prints_the_documented_object(figures):
    assert set(figures) == KEYS
    assert set(figures["responses"]) == set(figures["reviews_invited"]) == SEGMENTS
    assert set(figures["nps"]) == {"score", "margin", "responses"}


def test_every_customer_who_did_not_opt_out_got_one_survey(figures):
    assert figures["opted_out"] >= 2
    assert figures["surveys_sent"] == figures["contacts"] - figures["opted_out"]


def test_each_score_is_written_to_its_contact(figures):
    assert min(figures["responses"].values()) > 0
    assert figures["scores_written"] == sum(figures["responses"].values())


def test_some_customers_did_not_respond(figures):
    assert figures["scores_written"] < figures["surveys_sent"]


def test_each_detractor_has_one_ticket_and_one_alert(figures):
    assert figures["tickets_opened"] == figures["alerts_sent"] == figures["responses"]["detractor"]


def test_every_customer_who_responded_got_one_review_invitation(figures):
    assert figures["reviews_invited"] == figures["responses"]


def test_resent_webhooks_and_scanners_had_no_effect(figures):
    assert figures["duplicates_ignored"] > 0
    assert figures["scanner_visits"] > 0
    assert figures["nps"]["responses"] == sum(figures["responses"].values())


def test_no_delivery_is_dead_held_or_unfinished(figures):
    assert set(figures["deliveries"]) <= {"succeeded", "cancelled", "skipped"}
    assert figures["deliveries"]["succeeded"] > 0


def test_the_nps_is_promoters_minus_detractors(figures):
    responses, nps = figures["responses"], figures["nps"]
    assert nps["score"] == pytest.approx(
        100 * (responses["promoter"] - responses["detractor"]) / sum(responses.values()), abs=0.6
    )
    assert 0 < nps["margin"] < 100


def test_it_finishes_within_a_minute(figures):
    assert figures["seconds"] < 60


def test_other_numbers_of_people_and_seeds_balance():
    process = start("--json", "--people", "7", "--seed", "5")
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    assert json.loads(output)["contacts"] == 7


def sign_in(addresses):
    """Sign in to the console as printed; return the address of the page that is shown."""
    with httpx.Client(base_url=addresses["product"], follow_redirects=True) as client:
        page = client.get("/console/sign-in")
        [csrf] = re.findall('name="csrf" value="(.+?)"', page.text)
        form = {"csrf": csrf, "email": addresses["console user"], "password": addresses["password"]}
        page = client.post("/console/sign-in", data=form, headers={"Origin": addresses["product"]})
        assert page.status_code == 200, page.text
        return addresses["console"] if page.url.path.startswith("/console") and "sign-in" not in page.url.path else ""


def test_serve_keeps_the_product_running_until_sigterm_and_removes_its_folder():
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
        assert sign_in(addresses) == f"{addresses['product']}/console"
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
