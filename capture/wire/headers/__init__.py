"""What headers and payloads hold: the numbers of link types, the kinds of payloads."""
