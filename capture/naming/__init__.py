"""Names of addresses, ports and processes, from what is at hand. Nobody is asked but by reverse_dns, and only then."""
