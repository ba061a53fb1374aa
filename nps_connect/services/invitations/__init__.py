"""Survey invitations: creation, daily caps, checks before sending, reminders."""
