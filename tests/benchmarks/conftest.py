"""What pytest must not import: scripts that run in an environment of their own."""

collect_ignore = ["aniposelib_worker.py"]
