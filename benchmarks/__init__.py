"""Measured claims. ``python -m benchmarks`` runs all of them; a name runs one."""
