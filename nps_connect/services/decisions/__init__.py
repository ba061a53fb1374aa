"""Deciding: every trigger that listens to an event leaves its verdict."""
