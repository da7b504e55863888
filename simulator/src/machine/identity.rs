//! What distinguishes one machine from another: fixed for a seed and a name.

use rand::Rng as _;

use crate::chance;

/// Serial number, UUID and addresses of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Seven letters and digits, as on a service tag.
    pub serial: String,
    /// UUID of the system, lower case.
    pub uuid: String,
    /// MAC address of the BMC.
    pub bmc_mac: String,
    /// MAC addresses of the host's ports.
    pub macs: Vec<String>,
    /// The address its BMC listens on, once known: shown by the Manager's interface.
    pub address: String,
}

impl Identity {
    /// The identity of the machine `name` with `nics` ports.
    pub fn new(seed: u64, name: &str, nics: usize) -> Self {
        const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXYZ0123456789";
        let mut rng = chance::rng(seed, &format!("identity of {name}"));
        let mut letter = || LETTERS.get(rng.random_range(0..LETTERS.len())).copied().unwrap_or(b'0');
        let serial = (0..7).map(|_| char::from(letter())).collect();
        let mut octets: [u8; 16] = rng.random();
        // Version 4, variant 1: as a random UUID is marked.
        octets[6] = octets[6] & 0x0f | 0x40;
        octets[8] = octets[8] & 0x3f | 0x80;
        let mut uuid = String::new();
        for (number, octet) in octets.iter().enumerate() {
            if [4, 6, 8, 10].contains(&number) {
                uuid.push('-');
            }
            uuid.push_str(&format!("{octet:02x}"));
        }
        // Locally administered, unicast: never the address of a real card.
        let base: [u8; 4] = rng.random();
        let mac = |last: usize| {
            format!("02:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", base[0], base[1], base[2], base[3], last & 0xff)
        };
        let macs = (1..=nics).map(mac).collect();
        Self { serial, uuid, bmc_mac: mac(0), macs, address: "127.0.0.1".into() }
    }

    /// Serial number of drive number `number`.
    pub fn drive_serial(&self, number: usize) -> String {
        format!("S{}{:05}", self.serial, 10_000 + number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_name_give_the_same_identity() {
        assert_eq!(Identity::new(1, "a", 2), Identity::new(1, "a", 2));
        assert_ne!(Identity::new(1, "a", 2).serial, Identity::new(1, "b", 2).serial);
        assert_ne!(Identity::new(1, "a", 2).uuid, Identity::new(2, "a", 2).uuid);
        assert_eq!(Identity::new(1, "a", 2).macs.len(), 2);
    }
}
