"""A plain engine: the rules that the product follows, as one would explain them, packet by packet.

packets -> connections -> analysis -> measures, zeek, events; `engine.connections_of(path)` does it all. Nothing here is
shared with what it judges, nothing is fast, and each rule stands in the file of its topic.
"""
