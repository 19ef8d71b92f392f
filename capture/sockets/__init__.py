"""The kernel's live view: sock_diag, /proc, psutil elsewhere; owners, counters, ages, changes."""
