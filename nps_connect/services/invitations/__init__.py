"""Inviting: from a yes to the survey mail and its reminders."""
