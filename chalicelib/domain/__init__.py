"""Holds the rules of payments and the words that cross processes. Pure: no I/O, no environment, no clock."""
