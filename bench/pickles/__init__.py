"""shoal.pickle beside the standard module and what else writes objects to a file."""
