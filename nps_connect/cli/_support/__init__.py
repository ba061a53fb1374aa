"""Helpers shared by the commands; none of them is a command."""
