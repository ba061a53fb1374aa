"""(a) Drain 10,000 deliveries with their attempts, compared with bare SQL on the same rows in the same batches.

The bare SQL uses two transactions per batch of 100 (claim and start; settle and record), in two variants: row by row
with `executemany`, and with one statement per batch, as the product does. The rounds of all variants alternate; the
fastest round of each counts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from benchmarks._engines import measure_engine
from benchmarks._fixtures import (
    START,
    ApplicationHarness,
    analyze,
    application_at,
    create_database,
    databases,
    drop_database,
    insert_deliveries,
    insert_responses,
    postgres_server,
)
from nps_connect.ledger import claims
from nps_connect.ledger.columns import utc_text
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.action_spec import SettledDelivery
from nps_connect.services.deliveries.deliver import Claim, drain_deliveries, settle_batch

COUNT, BATCH, ROUNDS = 10_000, 100, 5
DELIVERIES_PER_ROUND = COUNT // ROUNDS
QUEUE_NAME = "crm/write_score"


@dataclass(frozen=True)
class Row:
    """The part of a delivery row that settling a success needs."""

    id: int


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Bare SQL twice, the ledger alone, the whole delivery, and other engines' own no-op work."""
    ours: dict[str, float] = {}
    with databases() as urls:
        for name, url in urls.items():
            with application_at(url) as application, _open_bare(application, url) as bare:
                insert_responses(application.ledger, DELIVERIES_PER_ROUND)
                ways: dict[str, Callable[[], None]] = {
                    "bare SQL, row by row": lambda bare=bare: _drain_bare(bare, _settle_each),
                    "bare SQL, one statement per batch": lambda bare=bare: _drain_bare(bare, _settle_batch),
                    "ledger: claim and start, settle with fences": lambda application=application: _drain_ledger(
                        application
                    ),
                    "whole delivery, each record read and checked": lambda application=application: _drain_deliveries(
                        application
                    ),
                }
                best = _measure_rounds(application, ways)
            each, batch = (best[way][0] for way in list(ways)[:2])
            for way, (seconds, worked) in best.items():
                details = f"{worked / DELIVERIES_PER_ROUND * 1e6:.0f} µs of our CPU"
                if not way.startswith("bare"):
                    ratio = batch / seconds
                    details += f"; {ratio:.2f} of one statement per batch, {each / seconds:.2f} of row by row"
                    details += f"; goal 0.5 {'reached' if ratio >= 0.5 else 'missed'}"
                    ours[name] = DELIVERIES_PER_ROUND / seconds
                yield f"{name}: {way}", DELIVERIES_PER_ROUND, seconds, details
    with postgres_server() as maintenance:
        for engine, details, count in (
            ("procrastinate", "concurrency 10", 2_000),
            ("pgqueuer", "batches of 100", 10_000),
            ("dbos", "200 at once, filing included", 2_000),
        ):
            url = create_database(maintenance)
            took = measure_engine(engine, url, count)
            drop_database(maintenance, url)
            if took is None:
                yield f"PostgreSQL: {engine}", 0, 1.0, "not installed"
                continue
            remark = f"our whole delivery is {ours['PostgreSQL'] * took / count:.1f} times as fast"
            yield f"PostgreSQL: {engine}, no-op work, {details}", count, took, remark


def _measure_rounds(
    application: ApplicationHarness, ways: dict[str, Callable[[], None]]
) -> dict[str, tuple[float, float]]:
    """Return the fastest round of each variant: seconds, and CPU seconds of this process."""
    best = dict.fromkeys(ways, (float("inf"), float("inf")))
    for number in range(ROUNDS + 1):
        for place, (way, work) in enumerate(ways.items()):
            insert_deliveries(
                application.ledger,
                QUEUE_NAME,
                DELIVERIES_PER_ROUND,
                people=DELIVERIES_PER_ROUND,
                mark=f"{number}-{place}",
            )
            analyze(application.ledger, "deliveries", "attempts")
            began, working = perf_counter(), process_time()
            work()
            spent = perf_counter() - began, process_time() - working
            if number:  # the first round warms up
                best[way] = min(best[way][0], spent[0]), min(best[way][1], spent[1])
    return best


def _drain_ledger(application: ApplicationHarness) -> None:
    ctx = application.ctx
    done = 0
    while done < DELIVERIES_PER_ROUND:
        token, now = ctx.token(), ctx.clock()
        with ctx.ledger.write() as session:
            ids = claims.claim_ids(session, DeliveryRow, QUEUE_NAME, token=token, now=now, limit=BATCH, start=True)
        settled: Any = [SettledDelivery(Row(row_id), Receipt(id=f"v-{row_id}"), called=True) for row_id in ids]  # type: ignore[arg-type]
        settle_batch(Claim(ctx, "crm", ctx.actions["write_score"], token), settled)
        done += len(ids)


def _drain_deliveries(application: ApplicationHarness) -> None:
    ctx, done = application.ctx, 0
    while done < DELIVERIES_PER_ROUND:
        done += drain_deliveries(ctx, "crm", ctx.actions["write_score"], BATCH)


@dataclass(frozen=True)
class BareDatabase:
    """A database without the product: run a statement for its rows, run it many times, commit."""

    sqlite: bool
    run: Callable[..., Any]
    many: Callable[..., Any]
    commit: Callable[[], None]


def _drain_bare(bare: BareDatabase, settle: Callable[[BareDatabase, list[int], str, Any], None]) -> None:
    at: Any = utc_text(START) if bare.sqlite else START
    skip = "" if bare.sqlite else " FOR UPDATE SKIP LOCKED"
    for number in range(DELIVERIES_PER_ROUND // BATCH):
        token = f"t{number}"
        rows = bare.run(
            "WITH due AS (SELECT id FROM deliveries WHERE queue_name = ? AND state = 'pending' AND due_at <= ? "
            f"ORDER BY due_at, id LIMIT {BATCH}{skip}) "
            "UPDATE deliveries SET state = 'running', lease_token = ?, lease_until = ?, started_at = ?, "
            "first_started_at = coalesce(first_started_at, ?) WHERE id IN (SELECT id FROM due) RETURNING id",
            (QUEUE_NAME, at, token, at, at, at),
        )
        bare.commit()
        settle(bare, [row[0] for row in rows], token, at)
        bare.commit()


SUCCEEDED_VALUES = "state = 'succeeded', lease_token = NULL, lease_until = NULL, in_doubt = false, finished_at = ?"


def _settle_each(bare: BareDatabase, ids: list[int], token: str, at: Any) -> None:  # text or moment
    bare.many(
        f"UPDATE deliveries SET {SUCCEEDED_VALUES}, receipt_id = ? "
        "WHERE id = ? AND state = 'running' AND lease_token = ?",
        [(at, f"v-{row_id}", row_id, token) for row_id in ids],
    )
    bare.many(
        "INSERT INTO attempts (delivery_id, started_at, finished_at, outcome) VALUES (?, ?, ?, 'succeeded')",
        [(row_id, at, at) for row_id in ids],
    )


def _settle_batch(bare: BareDatabase, ids: list[int], token: str, at: Any) -> None:
    details = json.dumps([{"id": row_id, "receipt": f"v-{row_id}"} for row_id in ids])
    if bare.sqlite:
        source, row_id, receipt = "json_each(?)", "json_extract(value, '$.id')", "json_extract(value, '$.receipt')"
    else:
        source, row_id, receipt = "json_to_recordset(?) AS r (id bigint, receipt text)", "r.id", "r.receipt"
    done = bare.run(
        f"UPDATE deliveries SET {SUCCEEDED_VALUES}, receipt_id = {receipt} FROM {source} "
        f"WHERE deliveries.id = {row_id} AND {'+' if bare.sqlite else ''}state = 'running' AND lease_token = ? "
        "RETURNING deliveries.id",
        (at, details, token),
    )
    ours = json.dumps([row[0] for row in done])
    listed = (
        "SELECT value FROM json_each(?)" if bare.sqlite else "SELECT value::bigint FROM json_array_elements_text(?)"
    )
    bare.run(
        "INSERT INTO attempts (delivery_id, started_at, finished_at, outcome) SELECT id, started_at, ?, 'succeeded' "
        f"FROM deliveries WHERE id IN ({listed}) ORDER BY id RETURNING id",
        (at, ours),
    )


@contextmanager
def _open_bare(application: ApplicationHarness, url: str) -> Iterator[BareDatabase]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA synchronous=FULL")
        run = connection.execute
        yield BareDatabase(
            True, lambda sql, values: run(sql, values).fetchall(), connection.executemany, connection.commit
        )
        connection.close()
        return
    import psycopg

    with psycopg.connect(application.ledger.libpq_url) as link, link.cursor() as cursor:
        yield BareDatabase(
            False,
            lambda sql, values: cursor.execute(sql.replace("?", "%s"), values).fetchall(),
            lambda sql, rows: cursor.executemany(sql.replace("?", "%s"), rows),
            link.commit,
        )
