"""Models fitted over all customers, and the record of what was fitted."""
