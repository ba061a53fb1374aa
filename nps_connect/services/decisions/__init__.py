"""Decide which surveys events lead to; every decision is recorded with its reason."""
