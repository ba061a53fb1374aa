"""Responding: from the visits of survey pages to confirmed answers."""
