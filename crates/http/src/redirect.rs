//! Redirects: followed for GET within the same origin only, because credentials go only to the BMC they belong to.

use http::{Method, Response, Uri, header::LOCATION};
use url::Url;

use crate::{Origin, TransportError, bounds::Asked};

/// How many redirects in a row are followed.
const HOPS: u32 = 3;

/// The redirects one request was sent through.
#[derive(Default)]
pub(crate) struct Hops(u32);

impl Hops {
    /// Where an answer sends us, if it does: the next request's target within the same origin.
    pub(crate) fn next<B>(
        &mut self,
        origin: &Origin,
        asked: &Asked,
        method: &Method,
        answer: &Response<B>,
    ) -> Result<Option<Uri>, TransportError> {
        let next = target(origin, asked, method, answer)?;
        if let Some(next) = &next {
            if self.0 == HOPS {
                return Err(asked.refused(format!("{HOPS} redirects in a row, and another one to {next}")));
            }
            self.0 += 1;
        }
        Ok(next)
    }
}

/// Redirects of anything but GET are answers like any other.
fn target<B>(
    origin: &Origin,
    asked: &Asked,
    method: &Method,
    answer: &Response<B>,
) -> Result<Option<Uri>, TransportError> {
    if method != Method::GET || !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let bad = || asked.refused(format!("the redirect's Location \"{location}\" is no URI"));
    let here = Url::parse(&format!("{origin}{}", asked.target())).map_err(|_| bad())?;
    let mut there = here.join(location).map_err(|_| bad())?;
    there.set_fragment(None);
    let uri: Uri = there.as_str().parse().map_err(|_| bad())?;
    if !origin.covers(&uri) {
        let to = there.origin().ascii_serialization();
        let hint =
            if there.host_str() == here.host_str() { "; if that is the BMC, write that address" } else { "" };
        return Err(asked
            .refused(format!("it redirects from {origin} to {to}, where credentials are not sent{hint}")));
    }
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    target.parse().map(Some).map_err(|_| bad())
}
