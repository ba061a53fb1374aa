"""Pure decisions: no I/O, no clock, no randomness; the same arguments give the same result."""
