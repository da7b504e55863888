//! One type over iDRAC, iLO, CIMC and standard Redfish.
