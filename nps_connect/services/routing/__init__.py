"""Routing: responses become deliveries."""
