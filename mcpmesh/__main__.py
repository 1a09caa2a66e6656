"""`python -m mcpmesh` is the command `mcpmesh`."""

import sys

from mcpmesh.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
