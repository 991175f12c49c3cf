"""Sections of the page beyond the payments: a file each, which reads its own gold tables."""
