"""Built-in plugins, loaded through entry points like external ones."""
