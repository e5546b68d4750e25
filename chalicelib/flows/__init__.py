"""Holds what is done with a payment, one flow a file. Flows are given their adapters and the clock."""
