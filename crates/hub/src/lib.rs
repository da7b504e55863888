//! Reporters: the journal told to others.
