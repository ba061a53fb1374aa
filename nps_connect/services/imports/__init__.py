"""Taking in files: people to be asked, and answers from another tool. Streamed, in batches, each line once."""
