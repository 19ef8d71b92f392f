"""What the kernel itself says of TCP as it happens: failed calls, resets with their reason, last words of sockets."""
