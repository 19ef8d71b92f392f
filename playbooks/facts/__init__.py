"""Collecting what checks need to know: sockets, limits, sysctls, configuration, logs."""
