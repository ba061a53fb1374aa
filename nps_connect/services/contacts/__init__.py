"""Contacts: stored people, and whether they may be contacted."""
