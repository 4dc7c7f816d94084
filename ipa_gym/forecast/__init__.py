"""Load predictors: what the next seconds will bring, from the load so far."""
