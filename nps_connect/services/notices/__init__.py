"""Notices: mails to staff about what stopped by itself."""
