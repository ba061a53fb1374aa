"""Routing: from an answer to its deliveries, and to the case that is to be won back."""
