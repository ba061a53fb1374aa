"""Contacts: who people are, and whether they may be written to."""
