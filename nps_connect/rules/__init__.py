"""Pure decisions: same facts, same answer. No I/O, no clock, no chance of their own."""
