//! Every interval and deadline, in one value.

use std::time::Duration;

/// Every interval and deadline that drivers, composed operations and the engine use. One value, so that a simulation
/// scales them together and an operator can see and change them in one place.
///
/// The defaults are for real hardware; each says where it comes from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pacing {
    /// Bound of one ordinary request. BMCs answer reads in seconds, but stall while they mount or take inventory.
    pub request_timeout: Duration,
    /// Bound of requests that BMCs think long about: BIOS and storage writes take more than 60 s (ironic).
    pub slow_request_timeout: Duration,
    /// How long after a request's timeout a write in flight can still arrive; waited after a crash before a read-back
    /// decides.
    pub write_margin: Duration,
    /// Interval between reads while waiting for something.
    pub poll: Duration,
    /// Interval between looks at a host whose installation is followed: it takes up to hours, and a call-back is heard
    /// at once.
    pub follow: Duration,
    /// Least back-off between tries of a step.
    pub retry_min: Duration,
    /// Greatest back-off between tries of a step.
    pub retry_max: Duration,
    /// How long a step may keep trying through transient errors.
    pub step_deadline: Duration,
    /// How long an operating system gets to shut down (Dell: up to 5 min).
    pub graceful_off: Duration,
    /// How long a power change may take to show; sushy-tools' fake driver takes up to 11 s, iDRAC up to 90 s.
    pub power_change: Duration,
    /// How long an inserted image may take to show as attached (CIMC maps for up to 60 s).
    pub media_attach: Duration,
    /// How long an eject may take to show; `Inserted` stays stale for a while on iDRAC.
    pub media_detach: Duration,
    /// Pause before an insert that met a server error is tried again (ironic: 3 × 3 s).
    pub media_retry: Duration,
    /// How long a boot override may take to show.
    pub boot_override: Duration,
    /// How long POST with a BIOS job may take until the values are in force.
    pub bios_apply: Duration,
    /// How long after the reset the values may lag behind the end of POST.
    pub bios_settle: Duration,
    /// How long until the host must show a sign of booting (bytes read, POST over, call-back).
    pub boot_evidence: Duration,
    /// How long an installation may take from power-on to its last evidence.
    pub install: Duration,
    /// How long after the installer said that it reboots the reset may go unseen before the medium is ejected all the
    /// same; not every BMC shows resets.
    pub reset_after_write: Duration,
    /// How long a BMC may be gone after its own reset.
    pub bmc_reset: Duration,
    /// How long a firmware update may take from its request until it is in force or waits for a reset: a BMC's own image is
    /// fetched, written and started in minutes, one that is written in POST takes longer.
    pub firmware: Duration,
    /// Window in which refused logins count against a BMC (iDRAC: three within 60 s block for 60 s; accounts lock for
    /// minutes elsewhere).
    pub login_window: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            request_timeout: seconds(60),
            slow_request_timeout: seconds(180),
            write_margin: seconds(10),
            poll: seconds(5),
            follow: seconds(15),
            retry_min: seconds(2),
            retry_max: seconds(60),
            step_deadline: seconds(15 * 60),
            graceful_off: seconds(5 * 60),
            power_change: seconds(2 * 60),
            media_attach: seconds(90),
            media_detach: seconds(60),
            media_retry: seconds(3),
            boot_override: seconds(30),
            bios_apply: seconds(20 * 60),
            bios_settle: seconds(60),
            boot_evidence: seconds(15 * 60),
            install: seconds(2 * 60 * 60),
            reset_after_write: seconds(10 * 60),
            bmc_reset: seconds(10 * 60),
            firmware: seconds(60 * 60),
            login_window: seconds(30 * 60),
        }
    }
}

impl Pacing {
    /// Every value multiplied by `factor`, for BMCs whose time runs faster (simulators). A factor that is not a positive
    /// number changes nothing. The bounds of a request never fall below two seconds: however fast the simulated time,
    /// sockets and TLS run in ours.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let factor = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
        let scale = |d: Duration| {
            Duration::try_from_secs_f64(d.as_secs_f64() * factor).unwrap_or(d).max(Duration::from_millis(1))
        };
        Self {
            request_timeout: scale(self.request_timeout).max(Duration::from_secs(2)),
            slow_request_timeout: scale(self.slow_request_timeout).max(Duration::from_secs(2)),
            write_margin: scale(self.write_margin).max(Duration::from_millis(200)),
            poll: scale(self.poll),
            follow: scale(self.follow),
            retry_min: scale(self.retry_min),
            retry_max: scale(self.retry_max),
            step_deadline: scale(self.step_deadline),
            graceful_off: scale(self.graceful_off),
            power_change: scale(self.power_change),
            media_attach: scale(self.media_attach),
            media_detach: scale(self.media_detach),
            media_retry: scale(self.media_retry),
            boot_override: scale(self.boot_override),
            bios_apply: scale(self.bios_apply),
            bios_settle: scale(self.bios_settle),
            boot_evidence: scale(self.boot_evidence),
            install: scale(self.install),
            reset_after_write: scale(self.reset_after_write),
            bmc_reset: scale(self.bmc_reset),
            firmware: scale(self.firmware),
            login_window: scale(self.login_window),
        }
    }
}
