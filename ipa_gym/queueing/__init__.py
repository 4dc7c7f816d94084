"""The simulator: an exact queueing model of the pipeline, request by request. See `simulator.py` and `kernel.py`."""
