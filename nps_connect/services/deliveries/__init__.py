"""Deliveries: every effect outside the application, from the claim of a due row to its settled outcome."""
