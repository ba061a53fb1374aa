"""Webhooks that are sent: facts become deliveries to the connections that subscribe to them."""
