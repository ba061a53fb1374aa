"""A fifth of all calls to vendors fails, with every kind of fault of the sandbox."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import torture_options
from support.end_state import IDLE_TIMEOUT_SECONDS
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

from nps_connect.sandbox.faults import parse_faults

SEED = torture_options.random_seed(41)
FAULTS = (
    "429=0.02,408=0.01,503=0.03,500-before=0.02,502-after=0.02,500=0.01,"
    "timeout-before=0.01,timeout-after=0.01,reset-before=0.02,reset-after=0.02,malformed=0.03"
)
"""Together 20 %."""

AUTHENTICATION_FAULTS = ",401=0.01"
"""Only in the long form: after a 401, polling is retried after five minutes."""

STALL_SECONDS = 2.0
"""The time that a vendor stalls a request before it closes the connection without a response."""


def run_with_faults(environment: ProductEnvironment, minimum: int) -> int:
    """Create events for at least this number of customers and inject as many faults; return the number of faults."""
    sandbox = environment.demo.sandbox
    sandbox.mailbox.stall_seconds = sandbox._host.stall_seconds = STALL_SECONDS
    with environment.load_generator(
        idle_timeout_seconds=480 if torture_options.is_long() else IDLE_TIMEOUT_SECONDS
    ) as load_generator:
        sandbox.faults.rates = parse_faults(FAULTS + AUTHENTICATION_FAULTS * torture_options.is_long())
        while load_generator.started_count < minimum or sum(sandbox.faults.injected_counts().values()) < minimum:
            time.sleep(1)
            resume_stopped_connections(environment)
        sandbox.faults.rates = ()
        resume_stopped_connections(environment)
    fault_count = sum(sandbox.faults.injected_counts().values())
    database = "PostgreSQL" if len(environment.process_group.processes) > 1 else "SQLite"
    torture_options.append_report(
        f"vendor faults at 20 %, {database}", SEED, environment.verify(load_generator), faults=fault_count
    )
    return fault_count


def resume_stopped_connections(environment: ProductEnvironment) -> None:
    """Check the connections, as an operator does after a 401; connections that pass resume."""
    environment.run_command("connections", "check")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_vendor_faults_on_sqlite_lose_nothing_and_repeat_nothing(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as environment:
        assert run_with_faults(environment, torture_options.customer_count(12)) >= torture_options.customer_count(12)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_vendor_faults_with_two_workers_lose_nothing_and_repeat_nothing(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as environment:
        assert run_with_faults(environment, torture_options.customer_count(12)) >= torture_options.customer_count(12)
