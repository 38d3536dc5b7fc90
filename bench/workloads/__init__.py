"""Ten bursts of work as real programs have them; each leaves a realistic few survivors.

Each module has `burst(size)`: it does the work and returns what the program would keep. `size`
multiplies the amount of work; 1.0 has a peak of roughly 50 to 100 MB. The work is the same on every
run: the random numbers are seeded, the texts are made here or are the standard library's sources.
"""

NAMES = (
    "syntax_trees",
    "json_feed",
    "xml_feed",
    "token_index",
    "email_inbox",
    "web_sessions",
    "lru_cache",
    "dict_churn",
    "sawtooth",
    "compiled_modules",
)
