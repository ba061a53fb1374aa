"""(e) The cost of a claim of 100 with more and more pending rows in the queue."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from time import perf_counter

from benchmarks._fixtures import START, analyze, application_at, databases, insert_deliveries
from nps_connect.ledger import claims
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow

QUEUE_NAME, CLAIMS, BATCH = "crm/write_score", 40, 100
SIZES = (1_000, 100_000, 1_000_000)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the fastest of 40 claims at each size; each claim is released before the next."""
    with databases() as urls:
        for name, url in urls.items():
            with application_at(url) as application:
                filled, first = 0, 0.0
                for size in SIZES:
                    insert_deliveries(application.ledger, QUEUE_NAME, size - filled, mark=f"s{size}")
                    filled = size
                    spent = _time_claims(application.ledger)
                    first = first or min(spent)
                    ratio = min(spent) / first
                    goal = "" if size == SIZES[0] else f"; goal 1.5 {'reached' if ratio <= 1.5 else 'missed'}"
                    remark = f"{ratio:.2f} times the smallest{goal}; median {median(spent) * 1000:.1f} ms"
                    yield f"{name}: claim of {BATCH} among {size:,} pending", 1, min(spent), remark


def _time_claims(ledger: Ledger) -> list[float]:
    spent = []
    for number in range(CLAIMS):
        if number % 10 == 0:
            analyze(ledger, "deliveries")  # dead rows of earlier claims are not part of the cost of a claim
        token = f"t{number}"
        began = perf_counter()
        with ledger.write() as session:
            ids = claims.claim_ids(session, DeliveryRow, QUEUE_NAME, token=token, now=START, limit=BATCH)
        spent.append(perf_counter() - began)
        with ledger.write() as session:
            claims.release(session, DeliveryRow, ids, token=token)
    return spent
