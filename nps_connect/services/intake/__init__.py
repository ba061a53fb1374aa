"""Intake: from webhooks, polls and files of facts to events in the ledger."""
