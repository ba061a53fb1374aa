"""(e) The cost of a claim of 100 with more and more pending rows in the lane; (f) what it takes of memory."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from time import perf_counter

from benchmarks._house import START, databases, house_at, plan
from nps_connect.ledger import claims
from nps_connect.ledger.tables import DeliveryRow

LANE, CLAIMS, BATCH = "crm/write_score", 30, 100
SIZES = (1_000, 100_000, 1_000_000)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Claims at each size; a claim is given back before the next."""
    with databases() as urls:
        for name, url in urls.items():
            with house_at(url) as house:
                filled, first = 0, 0.0
                for size in SIZES:
                    plan(house.ledger, LANE, size - filled, people=False, mark=f"s{size}")
                    filled = size
                    if not house.ledger.is_sqlite:
                        with house.ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as link:
                            link.exec_driver_sql("VACUUM ANALYZE deliveries")
                    spent = 0.0
                    for number in range(CLAIMS):
                        token = f"t{number}"
                        began = perf_counter()
                        with house.ledger.write() as session:
                            rows = claims.claim(session, DeliveryRow, LANE, token=token, now=START, limit=BATCH)
                        spent += perf_counter() - began
                        with house.ledger.write() as session:
                            claims.release(session, DeliveryRow, [row.id or 0 for row in rows], token=token)
                    first = first or spent
                    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                    beside = f"{spent / first:.2f} times the smallest; goal 1.5; this process {memory} MB at most"
                    yield f"{name}: claim of {BATCH} among {size:,} pending", CLAIMS, spent, beside
