"""Users of the console: roles, passwords, sessions and one-time links."""
