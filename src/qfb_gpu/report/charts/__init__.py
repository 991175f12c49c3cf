"""Small chart functions: numbers in, inline SVG or HTML out; colours are classes of the page."""
