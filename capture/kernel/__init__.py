"""What the kernel itself says of TCP while it happens: failed calls, resets with their reason, last words of sockets."""
