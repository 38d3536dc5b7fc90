"""Files of records: shoal.flat beside pickle, JSON lines, CSV and eval."""
