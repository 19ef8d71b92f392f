"""What is known of a connection before anyone asks why: events, states, end, and what its capture says beside them."""
