"""C programs that live from malloc; see README.md in this directory."""
