//! What Cisco CIMC does otherwise.
