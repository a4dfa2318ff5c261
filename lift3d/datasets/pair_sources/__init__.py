"""Where pairs of 2D detections and 3D poses are read from: one file a layout, which defines ``PAIRS``."""
