"""Translates between HTTP and the flows. It knows Chalice and no flow."""
