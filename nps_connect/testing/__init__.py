"""The contract-test kit for plugins."""
