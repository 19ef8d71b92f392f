"""What servers beside proxies have in their configuration files: read only, no server is asked."""
