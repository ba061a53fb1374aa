"""Keys of the API, and requests that are repeated."""
