"""The report of review links over 1,000,000 responses of 800,000 contacts on two platforms.

The ledger is filled with plain inserts, so that only the report is measured. Locations do not affect the report; the
choice of one among 1,000 is measured separately.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

from nps_connect.builtin.review_link.settings import ReviewLinkSettings
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.review_report import load_review_counts
from nps_connect.ledger.schema import create

ANSWERS = 1_000_000
PEOPLE = 800_000
LOCATIONS = 1_000
SEGMENTS = ("promoter",) * 6 + ("passive",) * 2 + ("detractor",) * 2


def measure() -> Iterator[tuple[str, int, float]]:
    """Yield each figure: text, count, seconds, remark."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        ledger = Ledger(f"sqlite:///{path}", create=True)
        create(ledger)
        _insert_tallies(path)
        started = perf_counter()
        with ledger.read() as session:
            counts = load_review_counts(session)
        spent = perf_counter() - started
        people = sum(band.responded for band in counts)
        ledger.close()
    if spent > 2:
        raise RuntimeError(f"the audit took {spent:.1f} s, promised are 2 s")
    yield f"audit of {ANSWERS:,} answers ({people:,} people per platform and band)", 1, spent
    settings = ReviewLinkSettings(
        plugin="review_link",
        title="Directory",
        url="https://directory.example.com/{location}/review",
        policy="ask-everyone",
        location_field="store",
        locations={f"Store {number}": f"place-{number}" for number in range(LOCATIONS)},
    )
    started = perf_counter()
    for number in range(10_000):
        settings.location_value(f"store {number % LOCATIONS}")
    yield f"choose one of {LOCATIONS:,} locations", 10_000, perf_counter() - started


def _insert_tallies(path: Path) -> None:
    chance = random.Random(7)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT OR IGNORE INTO review_tallies (platform, segment, contact_id, shown, sent, opened, bot_opened)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    "one" if number % 2 else "two",
                    chance.choice(SEGMENTS),
                    chance.randrange(PEOPLE),
                    chance.random() < 0.9,
                    chance.random() < 0.9,
                    chance.random() < 0.2,
                    chance.random() < 0.1,
                )
                for number in range(ANSWERS)
            ),
        )
