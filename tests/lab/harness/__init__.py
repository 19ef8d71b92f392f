"""What the scenarios are made of: namespaces, recordings, peers that log their system calls, and the comparison."""
