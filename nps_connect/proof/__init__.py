"""Proving a configuration: a twin of it is played on simulated vendors, and what happens is judged."""
