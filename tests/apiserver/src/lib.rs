//! A small Kubernetes API for tests.
