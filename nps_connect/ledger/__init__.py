"""The ledger: SQL tables that hold everything; the source of truth in every mode."""
