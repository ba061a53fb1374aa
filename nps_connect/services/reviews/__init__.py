"""Reviewing: whom to invite to which platform, when, and what became of it. One file per step."""
