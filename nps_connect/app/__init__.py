"""The composition root: joins settings, plugins, ledger and worker, and validates the configuration."""
