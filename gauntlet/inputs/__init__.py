"""Draws what nobody should send, sends it, and judges the answers."""
