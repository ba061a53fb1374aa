"""Work queues, the thread engine, periodic jobs, heartbeats and wake-ups between processes."""
