"""Pure functions from facts to an outcome with evidence."""
