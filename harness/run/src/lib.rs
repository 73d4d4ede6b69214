//! Doing it: drivers, observers, the run loop, cleanup.
