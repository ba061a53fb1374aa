"""The export of responses is read page by page."""

from __future__ import annotations

import tracemalloc
from datetime import UTC

import pytest
from support.application import ApplicationHarness

from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.services.responses.export import export_responses, select_responses


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_memory_does_not_grow_with_the_number_of_responses(ledger, clock):
    insert_demo_history(ApplicationHarness(ledger, clock).ctx, responses=400)

    def peak(page: int) -> int:
        tracemalloc.start()
        number = sum(1 for _ in export_responses(ledger, select_responses(), UTC, page=page))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert number > 350
        return most

    peak(20)  # compiles the statement
    assert peak(20) < peak(1000) / 3, "with pages that are smaller than the export, only one is in memory"
