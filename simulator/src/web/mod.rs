//! What every personality is built of: calls, replies, problems, and the table of resources.

pub mod call;
pub mod expand;
pub mod multipart;
pub mod problem;
pub mod reply;
pub mod table;

pub use call::Call;
pub use problem::Problem;
pub use reply::{Reply, Style};
pub use table::{Found, Handler, Table};
