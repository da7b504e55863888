//! The transport against real loopback servers.

#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod wire;
