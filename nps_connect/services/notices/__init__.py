"""Mails to staff about what needs attention."""
