//! What a machine is told to load, by what its firmware is.

use std::{fmt, net::Ipv4Addr};

use url::Url;

/// The longest that a file name can be: the field in a DHCP message has 128 octets, and the last one is zero.
const LONGEST: usize = 127;

/// The port that PXE firmware asks: it cannot be told another one.
pub(crate) const TFTP_PORT: u16 = 69;

/// What a firmware can start, as it says in DHCP option 93.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// A BIOS, by TFTP.
    Bios,
    /// UEFI on x86-64, by TFTP.
    UefiX64,
    /// UEFI on 64-bit ARM, by TFTP.
    UefiArm64,
    /// UEFI on x86-64, by HTTP.
    HttpX64,
    /// UEFI on 64-bit ARM, by HTTP.
    HttpArm64,
}

impl Arch {
    /// All of them, in the order in which configurations name them.
    pub const ALL: [Self; 5] = [Self::Bios, Self::UefiX64, Self::UefiArm64, Self::HttpX64, Self::HttpArm64];

    /// The numbers that mean it. 9 was meant for EFI byte code, and much x86-64 firmware sends it; 15 is 32-bit x86 in
    /// the registry, and is what some x86-64 firmware sends for HTTP.
    #[must_use]
    pub const fn codes(self) -> &'static [u16] {
        match self {
            Self::Bios => &[0],
            Self::UefiX64 => &[7, 9],
            Self::UefiArm64 => &[11],
            Self::HttpX64 => &[15, 16],
            Self::HttpArm64 => &[19],
        }
    }

    /// What a number of option 93 means; None where there is no loader for it.
    #[must_use]
    pub fn of(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|arch| arch.codes().contains(&code))
    }

    /// Fetches by HTTP, and expects to be answered as an `HTTPClient`.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::HttpX64 | Self::HttpArm64)
    }

    /// What the client calls itself in option 60, and what a server calls itself in the answer.
    pub(crate) const fn class(self) -> &'static str {
        if self.is_http() { "HTTPClient" } else { "PXEClient" }
    }

    /// The name in tags and classes.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Bios => "rackhand-bios",
            Self::UefiX64 => "rackhand-uefi-x64",
            Self::UefiArm64 => "rackhand-uefi-arm64",
            Self::HttpX64 => "rackhand-http-x64",
            Self::HttpArm64 => "rackhand-http-arm64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bios => "BIOS",
            Self::UefiX64 => "UEFI x86-64",
            Self::UefiArm64 => "UEFI arm64",
            Self::HttpX64 => "UEFI HTTP x86-64",
            Self::HttpArm64 => "UEFI HTTP arm64",
        })
    }
}

/// The loader for each firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaders {
    /// File on the TFTP server for a BIOS.
    pub bios: String,
    /// File on the TFTP server for UEFI on x86-64.
    pub uefi_x64: String,
    /// File on the TFTP server for UEFI on 64-bit ARM; None where the site has no such machines.
    pub uefi_arm64: Option<String>,
    /// URL for UEFI HTTP boot on x86-64: a loader or an ISO. None leaves HTTP clients unanswered.
    pub http_x64: Option<String>,
    /// URL for UEFI HTTP boot on 64-bit ARM.
    pub http_arm64: Option<String>,
}

impl Default for Loaders {
    /// iPXE under the names that its own build gives it, and nothing by HTTP.
    fn default() -> Self {
        Self {
            bios: "undionly.kpxe".to_owned(),
            uefi_x64: "ipxe.efi".to_owned(),
            uefi_arm64: None,
            http_x64: None,
            http_arm64: None,
        }
    }
}

/// Where everything is that a machine loads to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    /// The TFTP server. DHCP for IPv4 has room for an IPv4 address only.
    pub tftp: Ipv4Addr,
    /// Its port. PXE firmware asks 69 whatever it is told.
    pub tftp_port: u16,
    /// What iPXE is told to run: an HTTP or HTTPS URL, in which iPXE replaces settings such as `${net0/mac}`.
    pub script_url: String,
    /// The loaders.
    pub loaders: Loaders,
}

impl BootFiles {
    /// What a client of this architecture loads; iPXE gets its script, so that it does not load itself again for ever.
    #[must_use]
    pub fn file(&self, arch: Arch, ipxe: bool) -> Option<&str> {
        if ipxe { Some(&self.script_url) } else { self.loader(arch) }
    }

    /// The loader for this architecture.
    pub(crate) fn loader(&self, arch: Arch) -> Option<&str> {
        let loaders = &self.loaders;
        match arch {
            Arch::Bios => Some(&loaders.bios),
            Arch::UefiX64 => Some(&loaders.uefi_x64),
            Arch::UefiArm64 => loaders.uefi_arm64.as_deref(),
            Arch::HttpX64 => loaders.http_x64.as_deref(),
            Arch::HttpArm64 => loaders.http_arm64.as_deref(),
        }
    }

    /// Refuses what a DHCP message has no room for, and what would mean something else in a configuration file.
    pub(crate) fn check(&self) -> Result<(), BootFileError> {
        if !is_reachable(self.tftp) {
            return Err(BootFileError::Tftp(self.tftp));
        }
        check_text("script_url", &self.script_url)?;
        check_url("script_url", &self.script_url)?;
        for arch in Arch::ALL {
            let Some(file) = self.loader(arch) else { continue };
            let field = loader_field(arch);
            check_text(field, file)?;
            if arch.is_http() {
                check_url(field, file)?;
            }
        }
        Ok(())
    }
}

/// One machine's address, which another machine can send to.
pub(crate) fn is_reachable(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_broadcast() || address.is_multicast())
}

const fn loader_field(arch: Arch) -> &'static str {
    match arch {
        Arch::Bios => "loaders.bios",
        Arch::UefiX64 => "loaders.uefi_x64",
        Arch::UefiArm64 => "loaders.uefi_arm64",
        Arch::HttpX64 => "loaders.http_x64",
        Arch::HttpArm64 => "loaders.http_arm64",
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), BootFileError> {
    if text.is_empty() {
        return Err(BootFileError::Empty { field });
    }
    if text.len() > LONGEST {
        return Err(BootFileError::TooLong { field, length: text.len() });
    }
    // Quotes and backslashes end or change a string in each of the configurations.
    match text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '\\' | '`')) {
        Some(character) => Err(BootFileError::Character { field, value: text.to_owned(), character }),
        None => Ok(()),
    }
}

fn check_url(field: &'static str, text: &str) -> Result<(), BootFileError> {
    let not_http = |why: String| BootFileError::NotHttp { field, value: text.to_owned(), why };
    let url = Url::parse(text).map_err(|error| not_http(error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(()),
        other => Err(not_http(format!("its scheme is {other}"))),
    }
}

/// Why this cannot be told to a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BootFileError {
    /// Nothing is there.
    #[error("{field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// It does not fit into a DHCP message.
    #[error("{field} has {length} characters, and a DHCP message has room for {LONGEST}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// How long it is.
        length: usize,
    },
    /// A character that a DHCP server's configuration or a firmware would take for something else.
    #[error(
        "{field} is `{value}`, and {character:?} cannot be in it: only ASCII without spaces, quotes and backslashes"
    )]
    Character {
        /// The field.
        field: &'static str,
        /// What it is.
        value: String,
        /// The first such character.
        character: char,
    },
    /// Not a URL that iPXE or a firmware fetches.
    #[error("{field} is `{value}`, which is not an HTTP or HTTPS URL: {why}")]
    NotHttp {
        /// The field.
        field: &'static str,
        /// What it is.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// No machine can send to it.
    #[error("tftp is {0}, which is no machine's address")]
    Tftp(Ipv4Addr),
}
