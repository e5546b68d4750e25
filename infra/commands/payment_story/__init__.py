"""Tells one payment's whole story: from the ledger, and from the logs."""
