"""Gold tables to figures: aggregated by Arrow and NumPy, only the columns that are needed."""
