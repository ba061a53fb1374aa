"""Operations of the API: they call the services that commands and webhooks use."""
