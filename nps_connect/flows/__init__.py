"""One file per step of the walk."""
