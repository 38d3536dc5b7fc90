"""What `shoal.compact` leaves resident, and what it costs; see run.py."""
