"""A web service under load on every allocator; see README.md in this directory."""
