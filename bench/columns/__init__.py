"""Columns of a file of records: shoal.flat beside NumPy and Arrow reading CSV."""
