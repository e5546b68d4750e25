"""Holds what every process needs around its work: log, clock, deadline, settings, secrets."""
