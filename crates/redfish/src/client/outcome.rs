//! What became of a mutation, as far as its answer says.

use rackhand_bmc::{JobRef, Outcome};

use crate::{document::View, uri::last_segment, wire::Answer};

/// A mutation that left.
#[derive(Debug, Clone)]
#[must_use = "a mutation that was sent must be proven by a read"]
pub enum Sent {
    /// The BMC accepted it.
    Accepted(Box<Answer>),
    /// No usable answer came. Only a read decides what became of it.
    Lost {
        /// What was seen instead.
        seen: String,
    },
}

impl Sent {
    /// As an outcome: a job where one was made, else done, else unknown.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Accepted(answer) => job_of(&answer).map_or(Outcome::Done, Outcome::Running),
            Self::Lost { seen } => Outcome::Unknown { seen },
        }
    }

    /// The job or task that the answer names.
    #[must_use]
    pub fn job(&self) -> Option<JobRef> {
        match self {
            Self::Accepted(answer) => job_of(answer),
            Self::Lost { .. } => None,
        }
    }
}

/// The job of a 202, or of any answer whose `Location` names one: a BIOS write on iDRAC answers 200 or 202.
fn job_of(answer: &Answer) -> Option<JobRef> {
    let body = View(answer.json());
    let location = answer.location.as_deref().and_then(crate::uri::path_of);
    let is_job = |uri: &&str| {
        let uri = uri.to_ascii_lowercase();
        ["/tasks/", "/jobs/", "/taskmon", "/job/"].iter().any(|part| uri.contains(part))
    };
    let accepted = answer.status == http::StatusCode::ACCEPTED;
    let in_body = ["@odata.id", "TaskMonitor"].iter().find_map(|name| body.str(name)).filter(|_| accepted);
    // The resource itself outlives its monitor, so a body that names a task is preferred over a monitor in Location.
    let uri =
        in_body.filter(is_job).or(location.as_deref().filter(|uri| accepted || is_job(uri))).or(in_body)?;
    let named = body.str("Id").filter(|_| in_body.is_some());
    let name = match last_segment(uri) {
        "Monitor" | "monitor" => last_segment(uri.rsplit_once('/').map_or(uri, |(before, _)| before)),
        name => name,
    };
    Some(JobRef { uri: uri.to_owned(), id: named.unwrap_or(name).to_owned() })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    fn job(status: u16, location: Option<&str>, body: Value) -> Option<(String, String)> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            etag: None,
            location: location.map(str::to_owned),
            retry_after: None,
            token: None,
            body: Ok(body),
            page: false,
        };
        job_of(&answer).map(|job| (job.uri, job.id))
    }

    #[test]
    fn a_job_is_found_in_header_and_body() {
        let found = |uri: &str, id: &str| Some((uri.to_owned(), id.to_owned()));
        let jobs = "/redfish/v1/Managers/M/Oem/Dell/Jobs/JID_1";
        assert_eq!(job(202, Some(jobs), Value::Null), found(jobs, "JID_1"));
        assert_eq!(job(200, Some(jobs), Value::Null), found(jobs, "JID_1"));
        assert_eq!(
            job(202, Some("https://10.0.0.9/redfish/v1/TaskService/Tasks/4/Monitor"), Value::Null),
            found("/redfish/v1/TaskService/Tasks/4/Monitor", "4")
        );
        let task = "/redfish/v1/TaskService/Tasks/7";
        assert_eq!(
            job(202, Some("/redfish/v1/TaskMonitors/7"), json!({"@odata.id": task, "Id": "7"})),
            found(task, "7")
        );
        assert_eq!(
            job(200, Some("/redfish/v1/Systems/1"), json!({"@odata.id": "/redfish/v1/Systems/1"})),
            None
        );
        assert_eq!(job(204, None, Value::Null), None);
    }
}
