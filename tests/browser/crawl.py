"""`make crawl`: a scripted browser opens every link of a thousand mails without activating a control; writes a report.

Usage: ``python tests/browser/crawl.py [MINUTES] [MAILS]``
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPORT = HERE.parent.parent / "docs" / "crawl.md"
TEST = "test_crawl.py::test_a_scanner_with_a_browser_confirms_nothing_stops_nothing_and_causes_nothing[sqlite]"
LINKS = 14
"""Links of each mail; see the test."""

SEED = 1
FINISH_MINUTES = 45
"""Minutes for setup and checks around the crawl itself."""


def main(minutes: int, mails: int) -> int:
    """Crawl for this number of minutes at most; returns the exit code."""
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        facts_file = Path(folder) / "crawl.json"
        values = {
            "MAILS": mails,
            "LINKS": LINKS,
            "SEED": SEED,
            "MINUTES": minutes,
            "IDLE_TIMEOUT": (minutes + FINISH_MINUTES) * 60,
            "REPORT": facts_file,
        }
        environ = os.environ | {f"NPS_CONNECT_CRAWL_{name}": str(value) for name, value in values.items()}
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-n0", "-s", str(HERE / TEST)], env=environ, check=False
        )
        if result.returncode:
            return result.returncode
        report = _render_report(
            json.loads(facts_file.read_text(encoding="utf-8")), (time.monotonic() - started_at) / 60
        )
    REPORT.write_text(report, encoding="utf-8")
    sys.stdout.write(report)
    return 0


def _render_report(facts: dict[str, Any], minutes: float) -> str:
    opened, signs = facts["opened"], facts["signs"]
    each = facts["seconds"] / (sum(opened.values()) - opened.get("before delivery", 0)) * 1000
    missing = facts["links"] - opened["link"]
    rows = {
        "mails, rendered and sent by SMTP": facts["mails"],
        "links in them": facts["links"],
        "links opened by the browser": opened["link"],
        "the same link again, from another tab": opened.get("same link again", 0),
        "before the mail was delivered": opened.get("before delivery", 0),
        "links of the pages themselves": opened.get("link of a page", 0),
        "mails shown, with prefetched links": opened.get("mail", 0),
        "pages that the browser reloaded by itself": len(facts["lost"]),
        "requests by the HTTP client, `HEAD` and `GET`": facts["plain"],
        "page views of survey pages recorded": facts["visits"],
        "confirmed responses, opt-outs, effects": 0,
    }
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return "\n".join(
        [
            *INTRODUCTION,
            "",
            f"{machine}, SQLite, seed {facts['seed']}, {minutes:.0f} minutes; {each:.0f} ms for each page, {facts['tabs']} tabs.",
            "",
            "| what | number |",
            "| --- | ---: |",
            *(f"| {name} | {number:,} |" for name, number in rows.items()),
            *(f"| page views with the signal `{name}` | {signs[name]:,} |" for name in sorted(signs)),
            *(f"| later mails: {name} | {number:,} |" for name, number in sorted(facts["second"].items())),
            "",
            *(
                [f"Time was over {missing:,} links before the end: the browser opened a random sample.", ""]
                if missing
                else []
            ),
            *FINDINGS,
            "",
        ]
    )


INTRODUCTION = """\
# Crawl

`make crawl` is the long form of `tests/browser/test_crawl.py`. The product sends a thousand mails by SMTP to a mailbox on the
same machine. A scanner opens every link in them (eleven scores, the page without a score, unsubscribe, privacy notice) in
Chromium with scripts enabled, in random order, in several tabs, while an HTTP client requests each link once with `HEAD` and
once with `GET`. Every mail is also scanned before it is delivered. The privacy notice, an external site in production, is
served on the same machine: no request leaves it.

On every page the browser moves the mouse over every control, scrolls, tabs between controls, types into the comment, and
presses letters, arrows and Escape. On every fifth page it tabs through the whole page and uses every field, with Enter and
Space too. It never clicks, and it activates no button, link or disclosure. All input consists of real browser events, not of
scripts in the page.

Three people have responded before. Then ten days pass, with reminders. After each step there must be no further confirmed
response, opt-out, case, delivery, ticket, alert, score or review mail, no request other than `GET` and `HEAD`, and the same
Net Promoter Score. At the end four people act: a detractor, a passive and a promoter submit a score, and one person
unsubscribes. Each action takes effect once, which proves that the checks work.""".splitlines()

FINDINGS = """\
Later mails are what the people without a response received: the reminder, or instead of it the question "You chose 2: please
confirm" if no visit of the survey shows a bot signal ([the survey](survey.md#what-counts-as-a-response)).""".splitlines()


if __name__ == "__main__":
    minutes_, mails_, *_ = [*map(int, sys.argv[1:]), *(240, 1000)[len(sys.argv) - 1 :]]
    sys.exit(main(minutes_, mails_))
