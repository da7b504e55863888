//! What people and programs see.

pub(crate) mod node;
pub(crate) mod output;
pub(crate) mod progress;
mod style;
mod table;
pub(crate) mod words;

pub(crate) use style::{Paint, Style};
pub(crate) use table::Table;
