//! What HPE iLO does otherwise.
