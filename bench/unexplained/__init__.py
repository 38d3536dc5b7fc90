"""How much of programs' resident memory nobody explains."""
