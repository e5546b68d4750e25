"""Proves that lookups of a long history cost few reads, and that the rollups equal a recount of it."""
