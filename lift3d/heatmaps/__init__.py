"""Heatmaps of joints: made, compared and read, in two and three dimensions."""
