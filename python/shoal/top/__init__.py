"""``shoal top``: every Python process of the machine, and what its heap holds.

Read in this order: `processes` finds them, `readings` takes one's figures,
`pace` says how often, `watch` does all three, `rows` and `columns` are the
table, `listing` writes it for scripts, `live` shows it on a terminal.
"""
