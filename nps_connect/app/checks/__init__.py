"""One file per part of the configuration: what must be true across its tables."""
