"""The live connections of other hosts: a collector that needs nothing there, over ssh or an exec."""
