"""Notices: mails to staff about pauses, held triggers and reached caps."""
