"""Where motion is read from: one file a layout, which defines ``SOURCE``."""
