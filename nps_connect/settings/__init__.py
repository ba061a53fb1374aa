"""One TOML file, the environment and secret files, parsed into `Settings`."""
