"""Built-in plugins, loaded by entry point like any other."""
