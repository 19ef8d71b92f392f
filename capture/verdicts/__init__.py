"""What became of each connection: who ended it, how, why, and which error each application got.

One packet becomes one event code, runs are folded, and a connection is then a short signature. The endpoint state
machine runs once for each distinct signature (`story`), the rules read its facts (`rules`), and numbers stay columns.
Use `capture.verdicts.judge.judge` and `capture.verdicts.findings.find_groups`.
"""
