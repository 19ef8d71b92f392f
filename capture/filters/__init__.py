"""The one filter language: the same in reports, live sockets and the screen.

`state:close-wait port:8080 peer:10.0.0.0/8 cause:aborted age:>30s bytes:<100 -process:nginx 10.0.0.5`
"""

from capture.filters.completing import Candidate, complete
from capture.filters.filter_errors import FilterError
from capture.filters.language import Filter, parse

__all__ = ["Candidate", "Filter", "FilterError", "complete", "parse"]
