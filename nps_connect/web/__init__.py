"""The web: webhook intake, personal pages, health."""
