"""What runs in the measured interpreter: standard library only, run as `-m bench.workers.NAME`."""
