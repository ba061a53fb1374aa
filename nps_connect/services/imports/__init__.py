"""Import CSV files of people to survey and of responses from other tools, in batches, each row once."""
