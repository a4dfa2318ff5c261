"""The scripts of data_tools/ are no part of the package that is installed; they are found from the repository."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
