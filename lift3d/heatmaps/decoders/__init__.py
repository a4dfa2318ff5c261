"""From heatmaps to the cells where the joints are: one rule a file, found by its name."""
