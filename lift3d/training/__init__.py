"""Training: the loop, what it trains on, and one file per kind of training."""
