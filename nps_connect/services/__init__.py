"""The application: one package per step of the pipeline, and the context that every step receives."""
