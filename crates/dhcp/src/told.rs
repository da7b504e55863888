//! What was told already.

use std::collections::VecDeque;

use rackhand_spec::MacAddress;

use crate::Why;

/// How many are remembered. The oldest go: whoever makes up addresses gets repetitions, not memory.
const MOST: usize = 1024;

/// Which machines and reasons were told.
#[derive(Debug, Default)]
pub(crate) struct Told(VecDeque<(MacAddress, Why)>);

impl Told {
    /// Whether this is new, and remembers it.
    pub(crate) fn is_new(&mut self, mac: MacAddress, why: Why) -> bool {
        if self.0.contains(&(mac, why)) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((mac, why));
        true
    }

    /// Forgets a machine: it was answered, so what is wrong with it next is news again.
    pub(crate) fn forget(&mut self, mac: MacAddress) {
        self.0.retain(|(of, _)| *of != mac);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_once_and_remembers_a_bounded_number() {
        let mut told = Told::default();
        let mac = |n: u16| {
            let [high, low] = n.to_be_bytes();
            MacAddress::new([2, 0, 0, 0, high, low])
        };
        assert!(told.is_new(mac(0), Why::NotAllowed));
        assert!(!told.is_new(mac(0), Why::NotAllowed));
        assert!(told.is_new(mac(0), Why::UnknownArch(None)));
        told.forget(mac(0));
        assert!(told.is_new(mac(0), Why::NotAllowed));
        for n in 1..5000 {
            assert!(told.is_new(mac(n), Why::NotAllowed));
        }
        assert_eq!(told.0.len(), MOST);
        assert!(told.is_new(mac(0), Why::NotAllowed), "the oldest is forgotten");
    }
}
