"""A fifth of all calls to vendors goes wrong, in every way that the sandbox knows."""

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

REFUSED = ",401=0.01"
"""In the long form: intake that was refused is tried again after five minutes."""

HOLD = 2.0
"""Seconds that a vendor keeps a caller waiting before it hangs up without an answer."""


def suffer(world: ProductEnvironment, people: int) -> int:
    """Let things happen to so many people at least, and as many faults strike; how many faults that were."""
    sandbox = world.demo.sandbox
    sandbox.mailbox.stall_seconds = sandbox._host.stall_seconds = HOLD
    with world.load_generator(patience=480 if torture_options.is_long() else IDLE_TIMEOUT_SECONDS) as load_generator:
        sandbox.faults.rates = parse_faults(FAULTS + REFUSED * torture_options.is_long())
        while load_generator.begun < people or sum(sandbox.faults.injected_counts().values()) < people:
            time.sleep(1)
            mend_what_is_stopped(world)
        sandbox.faults.rates = ()
        mend_what_is_stopped(world)
    struck = sum(sandbox.faults.injected_counts().values())
    kind = "PostgreSQL" if len(world.fleet.processes) > 1 else "SQLite"
    torture_options.append_report(f"vendor faults at 20 %, {kind}", SEED, world.account(load_generator), faults=struck)
    return struck


def mend_what_is_stopped(world: ProductEnvironment) -> None:
    """As an operator does after a refusal (401): check the connections, and what passes goes on."""
    world.run_command("connections", "check")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_sqlite_nothing_is_lost_and_nothing_happens_twice(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as world:
        assert suffer(world, torture_options.customer_count(12)) >= torture_options.customer_count(12)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_two_workers_lose_nothing_and_double_nothing(process_pool: ProcessPool, tmp_path: Path, empty_postgres: str):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as world:
        assert suffer(world, torture_options.customer_count(12)) >= torture_options.customer_count(12)
