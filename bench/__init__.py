"""Benchmarks of the heap: `make bench`, or `python -m bench.run` in the root of the tree.

See README.md in this directory for what is measured and how to read it.
"""
