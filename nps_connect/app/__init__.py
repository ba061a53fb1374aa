"""The one place that joins settings, plugins, ledger and worker."""
