"""Simulates the whole service in one process, on a clock of its own: the same seed makes the same run."""
