"""The line profiler beside others: what a profiled line costs, and one that is not profiled."""
