"""What large heaps cost: the time and memory of page tables; see run.py."""
