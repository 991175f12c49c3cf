"""Users of other libraries: the same task as they would write it."""
