//! heapsake examples.
