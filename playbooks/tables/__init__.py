"""Tables of sockets and counters that people paste: ss, netstat, lsof, /proc/net/tcp, netstat -s, nstat."""
