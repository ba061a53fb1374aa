"""Minding the application: how it stands, what staff are told, what is forgotten in time."""
