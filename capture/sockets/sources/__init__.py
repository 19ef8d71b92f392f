"""Where sockets come from: sock_diag, /proc, psutil, other namespaces; counters, settings and RSTs beside them."""
