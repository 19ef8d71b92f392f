"""Bytes to packet columns: containers, the record walk, header decoding, one packet in full."""
