"""CPU of `doctor prove`, as a process: five connections, three triggers, every action. Goal: under 15 s."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks._processes import PROGRAM, run_program

RUNS = 3
GOAL_SECONDS = 15.0
CONFIGURATION = """
[core]
public_url = "https://nps.example.com"
company = "Exemple SA"
languages = ["fr", "en"]
timezone = "Europe/Paris"
database_url = { env = "BENCH_DATABASE" }
signing_keys = [{ env = "BENCH_SIGNING_KEY" }]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"

[connections.crm]
plugin = "hubspot"
access_token = { env = "BENCH_TOKEN" }
webhook_secrets = [{ env = "BENCH_TOKEN" }]
events = "webhook"

[connections.helpdesk]
plugin = "zendesk"
subdomain = "example"
access_token = { env = "BENCH_TOKEN" }
webhook_secret = { env = "BENCH_TOKEN" }
events = "webhook"

[connections.mail]
plugin = "email"
smtp_url = { env = "BENCH_SMTP" }
sender = "Exemple SA <care@example.com>"
reply_to = "care@example.com"

[connections.team]
plugin = "alerts"
urls = [{ env = "BENCH_ALERT" }]

[connections.google]
plugin = "google_reviews"
place_id = "ChIJN1t_tDeuEmsRUsoyG83frY4"

[surveys.after-purchase]
channel = "mail"

[surveys.after-support]
channel = "mail"

[[triggers]]
on = "deal.won"
from = "crm"
survey = "after-purchase"
delay = "3d"
where = "amount >= 100"

[[triggers]]
on = "ticket.solved"
from = "helpdesk"
survey = "after-support"
delay = "1d"

[[triggers]]
name = "large-deals"
on = "deal.won"
from = "crm"
survey = "after-purchase"
priority = 2
where = "amount >= 10000"

[[routes]]
on = "any"
do = "write_score"
via = "crm"

[[routes]]
on = "detractor"
do = "open_ticket"
via = "helpdesk"

[[routes]]
on = "detractor"
do = "send_alert"
via = "team"

[[routes]]
on = "promoter"
do = "invite_review"
via = "google"

[[routes]]
on = ["passive", "detractor"]
do = "invite_review"
via = "google"
lead = "help"
delay = "1d"
"""


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the median CPU of several runs."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nps-connect.toml")
        config.write_text(CONFIGURATION)
        program = (*PROGRAM, "--config", str(config), "doctor", "prove", "--json")
        runs = [run_program(program, Path(folder), allowed=(0, 1)) for _ in range(RUNS + 1)]
    cpu = median(run.cpu for run in runs[1:])
    goal = "reached" if cpu < GOAL_SECONDS else "missed"
    yield "nps-connect doctor prove", 1, cpu, f"CPU; goal {GOAL_SECONDS:.0f} s {goal}"
