"""Immutable data that crosses a hook or is stored as JSON. No I/O, no SQL."""
