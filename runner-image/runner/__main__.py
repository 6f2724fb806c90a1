"""`python -m runner`: see `main.py`."""

import sys

from runner.main import main

if __name__ == "__main__":
    sys.exit(main())
