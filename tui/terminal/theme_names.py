"""The themes by name: the command line offers them, and must not load what draws them."""

THEME_NAMES = ("dark", "light", "high-contrast", "colour-blind", "colour-blind-light")
