"""Suppressions: opt-outs, bounces, erasure and other changes of a contact that stop mail."""
