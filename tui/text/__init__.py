"""Facts in words and characters: quantities, charts, pages. Nothing here knows textual."""
