"""The laboratory: python -m benchmarks.balance [SCENARIO …] simulates in virtual time.

`picks` measures what a pick costs, and what a change of the catalog.
"""

import sys

from benchmarks.balance import picks
from benchmarks.balance.simulation.lab import simulate

if sys.argv[1:] == ["picks"]:
    picks.main()
else:
    simulate(sys.argv[1:])
