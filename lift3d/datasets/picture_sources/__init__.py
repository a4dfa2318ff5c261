"""Where labelled pictures are read from: one file a layout, which defines ``PICTURES``."""
