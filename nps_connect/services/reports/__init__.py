"""Figures of responses for the report, the console and the digest: filters, counts and comparisons."""
