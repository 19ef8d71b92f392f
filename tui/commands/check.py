"""`tcptriage check NAME`: a playbook's automatic steps, without a screen."""

from __future__ import annotations

import sys

from tui.arguments.parser import complain
from tui.arguments.playbook_commands import check_parser
from tui.work.process_settings import load_msgspec_alone


def run(arguments: list[str]) -> int:
    """Run the steps and write what they found; returns the exit status."""
    chosen = check_parser().parse_args(arguments)
    load_msgspec_alone()

    from playbooks.check_report import write
    from playbooks.playbook_errors import BadSetting, PlaybookError
    from playbooks.run import run_checks

    try:
        consent = (lambda command: True) if chosen.consent else None
        report = run_checks(chosen.name, dict(chosen.settings), consent=consent)
    except (PlaybookError, BadSetting) as error:
        complain(f"tcptriage check: {error}")
        return 2
    written = write(report, chosen.format)
    if chosen.anonymize:
        from capture.anonymizing import Anonymizer

        written = Anonymizer()(written)
    sys.stdout.write(written if written.endswith("\n") else written + "\n")
    return report.exit_status
