//! What Dell iDRAC does otherwise.
