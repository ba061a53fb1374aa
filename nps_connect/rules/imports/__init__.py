"""Files from elsewhere: what a table is, which column means what, what a cell says. Pure."""
