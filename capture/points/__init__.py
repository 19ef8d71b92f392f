"""The same connections captured at two points: paired by numbers, clocks joined, differences named."""
