"""Engines: the same results from every one of them, whatever happens to the workers."""
