"""`make crawl`: every link of a thousand mails, opened by a scripted browser that presses nothing; writes a report.

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
"""Of each mail; see the test."""

SEED = 1
FINISH_MINUTES = 45
"""Minutes for all that comes before and after the crawl itself."""


def main(minutes: int, mails: int) -> int:
    """Crawl for so many minutes at most; returns the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "crawl.json"
        values = {
            "MAILS": mails,
            "LINKS": LINKS,
            "SEED": SEED,
            "MINUTES": minutes,
            "PATIENCE": (minutes + FINISH_MINUTES) * 60,
            "REPORT": written,
        }
        environ = os.environ | {f"NPS_CONNECT_CRAWL_{name}": str(value) for name, value in values.items()}
        done = subprocess.run([sys.executable, "-m", "pytest", "-n0", "-s", str(HERE / TEST)], env=environ, check=False)
        if done.returncode:
            return done.returncode
        told = _render_report(json.loads(written.read_text(encoding="utf-8")), (time.monotonic() - began) / 60)
    REPORT.write_text(told, encoding="utf-8")
    sys.stdout.write(told)
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
        "mails read, with links fetched ahead": opened.get("mail", 0),
        "pages that the browser itself loaded a second time": len(facts["lost"]),
        "calls by the plain client, `HEAD` and `GET`": facts["plain"],
        "openings of survey pages noted": facts["visits"],
        "confirmed answers, opt-outs, effects": 0,
    }
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return "\n".join(
        [
            *INTRODUCTION,
            "",
            f"{machine}, SQLite, seed {facts['seed']}, {minutes:.0f} minutes; {each:.0f} ms for each page, {facts['tabs']} at once.",
            "",
            "| what | how many |",
            "| --- | ---: |",
            *(f"| {name} | {number:,} |" for name, number in rows.items()),
            *(f"| openings with the sign `{name}` | {signs[name]:,} |" for name in sorted(signs)),
            *(f"| mails later: {name} | {number:,} |" for name, number in sorted(facts["second"].items())),
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
Chromium with scripts running, in random order, in several tabs at once, while a plain client calls each once with `HEAD` and
once with `GET`. Every mail is looked at before it is delivered, too. The link to the privacy notice, which leads to
somebody else's site, is pointed at a page on the same machine: nothing leaves it.

What the browser does on every page: it moves over every control, scrolls, tabs from control to control, types into the
comment, presses letters, arrows and Escape. On every fifth page it tabs through the whole page and uses every field, with
Enter and Space too. It never clicks and presses no button, link or disclosure. Real events of the browser do this, no script
of ours.

Three people had answered before. Then ten days go by, with reminders. After each step there must be no confirmed answer, no
opt-out, case, delivery, ticket, alert, score or review mail more than before, no request but `GET` and `HEAD`, and the same
Net Promoter Score. At the end four people press: a detractor and a promoter, one by keyboard, one who stops the mails. Each
press takes effect once, which proves that the check sees what it looks for.""".splitlines()

FINDINGS = """\
A mail later is what each person got who had not answered: the reminder, or in its place the one question "You chose 2:
please confirm", where no visit of the survey shows a sign of a machine ([the survey](survey.md#what-is-an-answer)).""".splitlines()


if __name__ == "__main__":
    minutes_, mails_, *_ = [*map(int, sys.argv[1:]), *(240, 1000)[len(sys.argv) - 1 :]]
    sys.exit(main(minutes_, mails_))
