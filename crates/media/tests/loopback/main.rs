//! Server and store over real loopback sockets.

#[cfg(test)]
mod fetching;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod support;
