"""Web layer (ASGI): webhooks, survey pages, unsubscribe and review links, health and metrics."""
