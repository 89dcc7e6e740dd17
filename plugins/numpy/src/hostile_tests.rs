//! Arrays that make no sense.
