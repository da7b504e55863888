//! Server and store over real loopback sockets.

#[cfg(test)]
mod disc;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod netboot;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tftp;
#[cfg(test)]
mod tftp_client;
