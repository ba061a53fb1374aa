"""(a) Draining 10,000 deliveries with their attempts, against the bare SQL of the same rows in the same batches."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from benchmarks._house import START, House, databases, fill, house_at, plan
from nps_connect.flows.deliver import action_info, drain_deliveries
from nps_connect.flows.settle import Settled, settle_batch
from nps_connect.ledger import claims
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Receipt

COUNT, BATCH = 10_000, 100
LANE = "crm/write_score"


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Bare SQL, the ledger alone, the whole delivery with preparing each record, and procrastinate's own no-op."""
    with databases() as urls:
        for name, url in urls.items():
            with house_at(url) as house:
                fill(house.ledger, COUNT)
                plan(house.ledger, LANE, COUNT, mark="bare")
                bare = _timed(lambda url=url: _bare(house, url))
                yield f"{name}: bare SQL, claim + start + settle + attempts", COUNT, bare, ""
                plan(house.ledger, LANE, COUNT, mark="ledger")
                ours = _timed(lambda: _ledger(house))
                yield f"{name}: ledger, the same with fences", COUNT, ours, _against(bare, ours, 0.5)
                plan(house.ledger, LANE, COUNT, mark="whole")
                whole = _timed(lambda: _whole(house))
                yield f"{name}: whole delivery, each record prepared", COUNT, whole, _against(bare, whole, 0.5)
        engine = _procrastinate(urls["PostgreSQL"], 2_000)
        yield "PostgreSQL: procrastinate, no-op task, concurrency 10", 2_000, engine, ""


def _timed(work: Callable[[], None]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def _against(bare: float, ours: float, goal: float) -> str:
    ratio = bare / ours
    return f"{ratio:.2f} of bare SQL; goal {goal} {'reached' if ratio >= goal else 'missed'}"


def _ledger(house: House) -> None:
    ctx, info = house.ctx, action_info(house.ctx, "crm", "write_score")
    done = 0
    while done < COUNT:
        token, now = ctx.token(), ctx.clock()
        with ctx.ledger.write() as session:
            rows = claims.claim(session, DeliveryRow, LANE, token=token, now=now, limit=BATCH)
        with ctx.ledger.write() as session:
            claims.start(session, DeliveryRow, [row.id or 0 for row in rows], token=token, now=now)
        settled = [Settled(row, Receipt(id=f"v-{row.id}")) for row in rows]
        settle_batch(ctx, "crm", "write_score", info, settled, token)
        done += len(rows)


def _whole(house: House) -> None:
    done = 0
    while done < COUNT:
        done += drain_deliveries(house.ctx, "crm", "write_score")


def _bare(house: House, url: str) -> None:
    run, many, commit = _driver(house, url)
    at = START.strftime("%Y-%m-%d %H:%M:%S.%f") if url.startswith("sqlite") else START
    skip = "" if url.startswith("sqlite") else " FOR UPDATE SKIP LOCKED"
    for number in range(COUNT // BATCH):
        token = f"t{number}"
        ids = run(
            "UPDATE deliveries SET state = 'running', lease_token = ?, lease_until = ? WHERE id IN (SELECT id FROM "
            "deliveries WHERE lane = ? AND state = 'pending' AND due_at <= ? ORDER BY due_at, id LIMIT 100"
            f"{skip}) RETURNING id",
            (token, at, LANE, at),
        )
        commit()
        many("UPDATE deliveries SET started_at = ? WHERE id = ?", [(at, row[0]) for row in ids])
        commit()
        many(
            "UPDATE deliveries SET state = 'succeeded', lease_token = NULL, lease_until = NULL, finished_at = ?, "
            "receipt_id = ? WHERE id = ? AND lease_token = ?",
            [(at, f"v-{row[0]}", row[0], token) for row in ids],
        )
        many(
            "INSERT INTO attempts (delivery_id, started_at, finished_at, outcome, exchange) VALUES (?, ?, ?, ?, ?)",
            [(row[0], at, at, "succeeded", json.dumps(None)) for row in ids],
        )
        commit()


def _driver(house: House, url: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[[], None]]:
    """Run a statement for its rows, run it many times, commit."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA synchronous=FULL")
        return lambda sql, values: connection.execute(sql, values).fetchall(), connection.executemany, connection.commit
    import psycopg

    link = psycopg.connect(house.ledger.libpq_url)
    cursor = link.cursor()
    return (
        lambda sql, values: cursor.execute(sql.replace("?", "%s"), values).fetchall(),
        lambda sql, rows: cursor.executemany(sql.replace("?", "%s"), rows),
        link.commit,
    )


def _procrastinate(url: str, count: int) -> float:
    import asyncio

    import psycopg.conninfo
    from procrastinate import App, PsycopgConnector

    from nps_connect.ledger.carrying import SCHEMA

    async def run() -> float:
        conninfo = psycopg.conninfo.make_conninfo(url, options=f"-c search_path={SCHEMA}")
        app = App(connector=PsycopgConnector(conninfo=conninfo))

        @app.task(name="noop")
        async def noop(n: int) -> None:
            pass

        async with app.open_async():
            await noop.batch_defer_async(*({"n": n} for n in range(count)))
            started = perf_counter()
            await app.run_worker_async(wait=False, concurrency=10, install_signal_handlers=False)
            return perf_counter() - started

    return asyncio.run(run())
