"""Figures to HTML, one module for each section of the page."""
