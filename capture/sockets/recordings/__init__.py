"""Looks at sockets written to a file, and looked at again."""
