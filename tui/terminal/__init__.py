"""The terminal itself: what kind it is, how it is driven and left, its clipboard, its colours."""
