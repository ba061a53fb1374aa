"""Checks of the configuration across its tables, one file per part."""
