//! heapsake.
