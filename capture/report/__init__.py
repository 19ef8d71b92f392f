"""A decoded capture as a document: JSON, JSON lines, text, Markdown."""
