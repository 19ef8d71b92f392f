"""What tables hold: rows of one kind each, filtered and sorted in a worker, formatted when they are seen."""
