"""Ledgers of other systems: read, matched with commits, put on the trail, written."""
