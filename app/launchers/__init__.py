"""Where runners run. `port.py` is the contract; every other module is one adapter."""
