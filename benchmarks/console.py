"""The console with 1,000,000 responses: first byte of its pages from a real process, the report, the memory of `run`.

Cold is the first request to a process that has just started; warm is the median of the next ones.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from benchmarks._fixtures import analyze, databases
from benchmarks._processes import PROGRAM, run_processes, run_program, write_configuration
from benchmarks._responses import SHOPS, insert_history
from nps_connect.connection import system_clock
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.rules.dimensions import DimensionRules
from nps_connect.services.users.sessions import create_session
from nps_connect.services.users.store import add_user
from nps_connect.web.console.access import SESSION_COOKIE

RESPONSES = 1_000_000
RUNS = 9
MAX_MEGABYTES = 150
MAX_PAGE_KILOBYTES = 120
CONSOLE_SETTINGS = """
[core.dimensions]
location = "shop"
owner = "owner"
"""
TEAM_SETTINGS = """
[teams.team-{number}]
where = "location == 'Shop {number}'"
"""


class Goal(NamedTuple):
    """A page and how fast it has to be, in seconds."""

    path: str
    warm: float
    cold: float | None = None


PAGES = {
    "overview": Goal("/console/overview", 0.3, 0.8),
    "explore by location": Goal("/console/explore?by=location", 1.0),
    "responses": Goal("/console/responses", 1.0),
    "comments": Goal("/console/comments", 1.0),
    "search in comments": Goal("/console/comments?q=livraison", 1.0),
    "cases": Goal("/console/cases", 1.0),
    "teams": Goal("/console/teams", 1.0),
}


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Yield the time of each page and of the report, and the memory of `run`, on each database."""
    with databases() as urls, tempfile.TemporaryDirectory() as folder:
        config, port = write_configuration(Path(folder), "http://127.0.0.1:9")
        teams = "".join(TEAM_SETTINGS.format(number=number) for number in range(SHOPS))
        config.write_text(config.read_text() + CONSOLE_SETTINGS + teams)
        for name, address in urls.items():
            url = f"sqlite:///{folder}/ledger.db" if name == "SQLite" else address  # where the report looks for it
            cookie = _fill(url)
            for text, seconds, remark in _measure_pages(config, port, url, cookie):
                yield f"{text} on {name}", 1, seconds, remark
            if name == "SQLite":
                yield _measure_report(config, Path(folder))


def _fill(url: str) -> str:
    """Insert the responses and a user; return the cookie of a session."""
    ledger, now = Ledger(url, create=True), system_clock()
    create(ledger)
    insert_history(ledger, RESPONSES, now, DimensionRules())
    analyze(ledger, "responses", "response_dimensions", "daily_figures", "survey_invitations", "deliveries", "contacts")
    with ledger.write() as session:
        user = add_user(
            session, public_id="0" * 32, email="claire@example.com", name="Claire Dubois", role="admin", team=None,
            actor=Actor("cli", "benchmark"), now=now,
        )  # fmt: skip
        session_id = create_session(session, user.id or 0, now)
    ledger.close()
    return f"{SESSION_COOKIE}={session_id}"


def _measure_pages(config: Path, port: int, url: str, cookie: str) -> Iterator[tuple[str, float, str]]:
    most = 0
    for name, goal in PAGES.items():
        with run_processes(config, url, "run") as (process,):
            time.sleep(2)
            cold, size, status = _request(port, goal.path, cookie)
            if status == 404:
                continue
            warm = median(_request(port, goal.path, cookie)[0] for _ in range(RUNS))
            most = max(most, _megabytes(process))
        remark = _verdict(warm, goal.warm) + f"; {size // 1000} KB"
        if size > MAX_PAGE_KILOBYTES * 1000:
            remark += f", goal {MAX_PAGE_KILOBYTES} missed"
        if status != 200:
            remark += f"; status {status}"
        yield f"{name}, warm", warm, remark
        yield f"{name}, cold", cold, _verdict(cold, goal.cold) if goal.cold else ""
    reached = "reached" if most < MAX_MEGABYTES else "missed"
    yield "memory of run after these pages", 0.0, f"{most} MB resident; goal {MAX_MEGABYTES} {reached}"


def _measure_report(config: Path, folder: Path) -> tuple[str, int, float, str]:
    program = (*PROGRAM, "--config", str(config), "report", "--by", "location", "--compare", "previous")
    run_program(program, folder)
    wall = median(run_program(program, folder).wall for _ in range(3))
    return "report --by location --compare previous on SQLite", 1, wall, _verdict(wall, 2.0)


def _request(port: int, path: str, cookie: str) -> tuple[float, int, int]:
    """Return the time to the first byte in seconds, the size of the page and the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie, "Accept-Language": "fr"})
    response = connection.getresponse()
    first_byte = time.perf_counter() - started
    size = len(response.read())
    connection.close()
    return first_byte, size, response.status


def _megabytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss) // 10**6


def _verdict(seconds: float, goal: float) -> str:
    return f"goal {goal * 1000:.0f} ms {'reached' if seconds < goal else 'missed'}"
