"""The pytest plugin. Every pytest run on the machine loads it, so it imports nothing heavy."""

from __future__ import annotations
