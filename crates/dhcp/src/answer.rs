//! What is answered to one packet: a pure function of it.
//!
//! Requests are read through dhcproto's borrowed form, which decodes no option that nobody asks for: a firmware's odd option 121
//! must not cost it its boot, and each decoder that does not run is one that cannot fail.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcproto::{
    Encodable as _, Encoder,
    v4::{
        self, DhcpOption, HType, MessageType, Opcode, OptionCode, UnknownOption,
        borrowed::{self, DhcpOption as Raw},
    },
};
use rackhand_spec::MacAddress;

use crate::{Arch, BootFiles};

/// The shortest message: relays and old firmware drop anything below BOOTP's 300 octets.
const SHORTEST: usize = 300;

/// PXE discovery control (sub-option 6) with bit 3 alone: no menu, no discovery, load the file that is named here. 255 ends the list.
const USE_THE_FILE: [u8; 4] = [6, 1, 8, 255];

/// What iPXE calls itself in option 77, without a length (its own way) and with one (RFC 3004's).
const IPXE: [&[u8]; 2] = [b"iPXE", b"\x04iPXE"];

/// What answers, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answerer {
    /// Our address on the interface: the server identifier.
    pub server: Ipv4Addr,
    /// What machines are told to load.
    pub boot: BootFiles,
}

/// Which port a packet came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// 67, where every DHCP client asks.
    Dhcp,
    /// 4011, where a PXE client asks a server that it heard an offer of.
    Pxe,
}

/// Which message an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// DHCPOFFER, to a DHCPDISCOVER.
    Offer,
    /// DHCPACK, to a DHCPREQUEST that was addressed to us.
    Ack,
}

/// Where an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// To everybody on the link, at the clients' port: a machine without an address hears nothing else. It asks for a unicast
    /// answer by leaving the broadcast flag away, but that one would go to the address which it is given, and we give none.
    Broadcast,
    /// To the relay that passed the request on, at the servers' port.
    Relay(Ipv4Addr),
    /// To where the request came from.
    Sender(SocketAddrV4),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The whole message.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub to: Destination,
    /// Which message it is.
    pub message: Message,
    /// Whom it is for.
    pub mac: MacAddress,
    /// What the client's firmware is.
    pub arch: Arch,
    /// iPXE asked, not the firmware.
    pub ipxe: bool,
    /// What it is told to load.
    pub file: String,
}

/// Why a packet got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Declined {
    /// Who sent it, where that could be read.
    pub mac: Option<MacAddress>,
    /// Why.
    pub why: Why,
}

/// Why a packet got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// It is not a DHCP request of an Ethernet client.
    #[error("not a DHCP request of an Ethernet client")]
    Malformed,
    /// A message that asks nothing of us: a release, an inform, a request to the server that gives addresses.
    #[error("a message for the DHCP server")]
    NotForUs,
    /// It does not boot from the network, only wants an address.
    #[error("not a PXE or HTTP boot client")]
    NotBooting,
    /// Nobody wants this machine to boot from the network now.
    #[error("no boot of this machine from the network is under way")]
    NotAllowed,
    /// It says no architecture, or one that there are no loaders for.
    #[error("its architecture is unknown{}", number(.0))]
    UnknownArch(Option<u16>),
    /// No loader was set for its architecture.
    #[error("no loader is set for {0}")]
    NoLoader(Arch),
    /// The answer could not be written.
    #[error("the answer does not fit into a DHCP message")]
    Unwritable,
}

fn number(code: &Option<u16>) -> String {
    code.map(|code| format!(" (option 93 says {code})")).unwrap_or_default()
}

/// Answers one packet that came to `port` from `sender`, or says why not. `allowed` is asked last of all, and only about machines
/// that want to boot from the network.
pub fn answer(
    packet: &[u8],
    port: Port,
    sender: SocketAddrV4,
    answerer: &Answerer,
    allowed: &dyn Fn(&MacAddress) -> bool,
) -> Result<Reply, Declined> {
    let nobody = |why| Declined { mac: None, why };
    let message = borrowed::Message::new(packet).map_err(|_| nobody(Why::Malformed))?;
    let mac = client(&message).ok_or_else(|| nobody(Why::Malformed))?;
    let declined = |why| Declined { mac: Some(mac), why };
    let asked = Asked::read(&message);

    let kind = asked.kind(port, answerer.server).ok_or_else(|| declined(Why::NotForUs))?;
    let class = asked.class().ok_or_else(|| declined(Why::NotBooting))?;
    if !allowed(&mac) {
        return Err(declined(Why::NotAllowed));
    }
    let arch = asked.arch(class).map_err(declined)?;
    let ipxe = asked.is_ipxe();
    let file = answerer.boot.file(arch, ipxe).ok_or_else(|| declined(Why::NoLoader(arch)))?.to_owned();
    let class = if ipxe { Class::Pxe } else { class };
    let bytes =
        write(&message, &asked, kind, class, &file, answerer).ok_or_else(|| declined(Why::Unwritable))?;
    Ok(Reply { bytes, to: destination(&message, port, kind, sender), message: kind, mac, arch, ipxe, file })
}

/// The client's MAC, if this is a request of an Ethernet client. The length is checked first: dhcproto believes it.
fn client(message: &borrowed::Message<'_>) -> Option<MacAddress> {
    if message.opcode() != Opcode::BootRequest || message.htype() != HType::Eth || message.hlen() != 6 {
        return None;
    }
    let octets: [u8; 6] = message.chaddr().try_into().ok()?;
    let [first, ..] = octets;
    // What no interface has (a group address, all zeros) is nobody's request.
    (octets != [0; 6] && first & 1 == 0).then(|| MacAddress::new(octets))
}

/// How a client wants to boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Pxe,
    Http,
}

/// The options that matter, as they stand in the request.
#[derive(Default)]
struct Asked<'a> {
    message_type: Option<Raw<'a>>,
    server: Option<Raw<'a>>,
    class: Option<Raw<'a>>,
    user_class: Option<Raw<'a>>,
    arch: Option<Raw<'a>>,
    machine: Option<Raw<'a>>,
    relay: Option<Raw<'a>>,
}

impl<'a> Asked<'a> {
    fn read(message: &borrowed::Message<'a>) -> Self {
        let mut asked = Self::default();
        for option in message.opts() {
            let place = match option.code() {
                OptionCode::MessageType => &mut asked.message_type,
                OptionCode::ServerIdentifier => &mut asked.server,
                OptionCode::ClassIdentifier => &mut asked.class,
                OptionCode::UserClass => &mut asked.user_class,
                OptionCode::ClientSystemArchitecture => &mut asked.arch,
                OptionCode::ClientMachineIdentifier => &mut asked.machine,
                OptionCode::RelayAgentInformation => &mut asked.relay,
                _ => continue,
            };
            *place = Some(option);
        }
        asked
    }

    /// What is to be answered: an offer to whoever looks for servers, an acknowledgement to whoever chose us. A request on port 67
    /// that names another server is how a client takes its address, and is that server's.
    fn kind(&self, port: Port, us: Ipv4Addr) -> Option<Message> {
        let message_type = self.message_type.as_ref().map(Raw::data)?;
        let discover = [u8::from(MessageType::Discover)];
        let request = [u8::from(MessageType::Request)];
        match port {
            Port::Dhcp if message_type == discover => Some(Message::Offer),
            Port::Dhcp if message_type == request => {
                (self.server.as_ref()?.data() == us.octets()).then_some(Message::Ack)
            }
            // Firmware that asks at 4011 may leave the server away; one that names another does not mean us.
            Port::Pxe if message_type == request => {
                self.server.as_ref().is_none_or(|server| server.data() == us.octets()).then_some(Message::Ack)
            }
            Port::Dhcp | Port::Pxe => None,
        }
    }

    fn class(&self) -> Option<Class> {
        let class = self.class.as_ref()?.data();
        if class.starts_with(b"PXEClient") {
            Some(Class::Pxe)
        } else if class.starts_with(b"HTTPClient") {
            Some(Class::Http)
        } else {
            None
        }
    }

    fn is_ipxe(&self) -> bool {
        self.user_class.as_ref().is_some_and(|class| IPXE.contains(&class.data()))
    }

    /// The first architecture of its list that fits how it wants to boot; where it has no list, what its class says of it.
    fn arch(&self, class: Class) -> Result<Arch, Why> {
        let codes: Vec<u16> = match &self.arch {
            Some(list) => list
                .data()
                .chunks_exact(2)
                .filter_map(|pair| pair.try_into().ok())
                .map(u16::from_be_bytes)
                .collect(),
            None => self.arch_of_class().into_iter().collect(),
        };
        codes
            .iter()
            .filter_map(|code| Arch::of(*code))
            .find(|arch| arch.is_http() == (class == Class::Http))
            .ok_or(Why::UnknownArch(codes.first().copied()))
    }

    /// `PXEClient:Arch:00007:UNDI:003016`.
    fn arch_of_class(&self) -> Option<u16> {
        let class = std::str::from_utf8(self.class.as_ref()?.data()).ok()?;
        let mut parts = class.split(':').skip_while(|part| *part != "Arch");
        parts.nth(1)?.parse().ok()
    }
}

/// Writes the answer. It gives no address, no lease time, no router: a client that took it for more than it is would get nothing.
fn write(
    request: &borrowed::Message<'_>,
    asked: &Asked<'_>,
    kind: Message,
    class: Class,
    file: &str,
    answerer: &Answerer,
) -> Option<Vec<u8>> {
    let none = Ipv4Addr::UNSPECIFIED;
    let mut reply = v4::Message::new_with_id(
        request.xid(),
        none,
        none,
        answerer.boot.tftp,
        request.giaddr(),
        request.chaddr(),
    );
    reply.set_opcode(Opcode::BootReply).set_flags(request.flags());
    if kind == Message::Ack {
        // It is the client's own word, and firmware compares it.
        reply.set_ciaddr(request.ciaddr());
    }
    // dhcproto panics over a name that is too long; `BootFiles::check` refused it, but this function is public.
    if file.len() >= 128 {
        return None;
    }
    reply.set_fname(file.as_bytes());
    let options = reply.opts_mut();
    options.insert(DhcpOption::MessageType(match kind {
        Message::Offer => MessageType::Offer,
        Message::Ack => MessageType::Ack,
    }));
    options.insert(DhcpOption::ServerIdentifier(answerer.server));
    match class {
        Class::Pxe => {
            options.insert(DhcpOption::ClassIdentifier(b"PXEClient".to_vec()));
            options.insert(DhcpOption::VendorExtensions(USE_THE_FILE.to_vec()));
        }
        Class::Http => {
            options.insert(DhcpOption::ClassIdentifier(b"HTTPClient".to_vec()));
            // Firmware for HTTP looks here first, and some of it nowhere else.
            options.insert(DhcpOption::BootfileName(file.as_bytes().to_vec()));
        }
    }
    // Told back as they came: PXE clients drop an answer to another machine, and relays one without their mark. Neither is longer
    // than one option in any request that is what it should be.
    if let Some(machine) = asked.machine.as_ref().filter(|option| option.len() == 17) {
        options.insert(DhcpOption::ClientMachineIdentifier(machine.data().to_vec()));
    }
    if let Some(relay) = asked.relay.as_ref().filter(|option| option.len() <= 255) {
        let code = OptionCode::RelayAgentInformation;
        options.insert(DhcpOption::Unknown(UnknownOption::new(code, relay.data().to_vec())));
    }
    let mut bytes = Vec::with_capacity(SHORTEST);
    reply.encode(&mut Encoder::new(&mut bytes)).ok()?;
    if bytes.len() < SHORTEST {
        bytes.resize(SHORTEST, 0);
    }
    Some(bytes)
}

/// A client that has an address asks from it and listens there. The address inside the message is not believed: an answer must
/// not go where somebody writes.
fn destination(
    request: &borrowed::Message<'_>,
    port: Port,
    kind: Message,
    sender: SocketAddrV4,
) -> Destination {
    if port == Port::Dhcp && !request.giaddr().is_unspecified() {
        return Destination::Relay(request.giaddr());
    }
    if kind == Message::Ack && !sender.ip().is_unspecified() {
        return Destination::Sender(sender);
    }
    Destination::Broadcast
}
