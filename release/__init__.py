"""Makes a release: python3 -m release."""
