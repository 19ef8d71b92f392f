"""What became of each connection: who ended it, how, why, and which error each application got.

One packet becomes one event code, runs are folded, and a connection is then a short signature. The endpoint state
machine runs once for each distinct signature (`events`), the rules read its facts (`rules`), numbers stay columns and
fill the sentences (`words`), and what many share becomes one finding (`groups`).
Use `capture.verdicts.judge.judge` and `capture.verdicts.groups.group_findings.find_groups`.
"""
