"""What stays in a process that worked in rounds and then waits: on every allocator."""
