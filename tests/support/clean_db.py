"""Empty a ledger between the examples of a property test."""

from __future__ import annotations

from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger


def delete_all_rows(ledger: Ledger) -> Ledger:
    """Delete all rows; returns the ledger."""
    with ledger.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != "database_identity":
                connection.execute(table.delete())
    return ledger
