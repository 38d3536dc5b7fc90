"""`shoal inspect` beside what else can look at a running Python."""
