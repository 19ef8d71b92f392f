"""What is wrong with the live connections: rules, their thresholds, and the words of findings.toml."""
