"""The walk, a folder per step; beside them what every step is given."""
