"""Feeds the parsers of the product what a grammar draws, and says where they answer what their documents do not."""
