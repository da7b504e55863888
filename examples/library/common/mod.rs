//! What every example needs: the command line, a connection, and that the session is given back, also after an error.

use std::{error::Error, fs};

use rackhand::{Bmc, Credentials, Options, Trust};

/// What goes wrong is printed and is the exit code.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The arguments after the four that connect.
pub(crate) type Arguments = Vec<String>;

/// Connects to the machine of the command line, `ADDRESS USER PASSWORD-FILE FINGERPRINT ...`, works on it, and gives
/// the session back. `rackhand bmc probe ADDRESS` prints a BMC's fingerprint.
pub(crate) async fn with_bmc(work: impl AsyncFnOnce(&Bmc, Arguments) -> Outcome) -> Outcome {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.len() < 4 {
        return Err("usage: ADDRESS USER PASSWORD-FILE FINGERPRINT ...".into());
    }
    let rest = arguments.split_off(4);
    let [address, user, password_file, fingerprint] = arguments.as_slice() else {
        return Err("usage: ADDRESS USER PASSWORD-FILE FINGERPRINT ...".into());
    };
    let password = fs::read_to_string(password_file)?.trim_end().to_owned();
    let mut options = Options::new(Credentials::new(user, password));
    options.trust = Trust::Pin(fingerprint.parse()?);
    let bmc = rackhand::connect(&address.parse()?, options).await?;
    let done = work(&bmc, rest).await;
    bmc.close().await?;
    done
}
