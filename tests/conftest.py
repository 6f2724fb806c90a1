"""For all tests: signals as a person's shell has them."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and every child would inherit it: Ctrl-C couldn't be tested there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
