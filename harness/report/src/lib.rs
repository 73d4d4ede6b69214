//! What people read: one module a format.
