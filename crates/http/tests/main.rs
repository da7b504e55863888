//! The transport against real loopback servers.

mod support;
mod tls;
mod wire;
