"""Ways to find regular payments, one module each, behind one function: ``detect(relations)``."""
