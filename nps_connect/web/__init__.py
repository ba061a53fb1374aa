"""The web: webhook intake, survey pages, unsubscribe, review links, health."""
