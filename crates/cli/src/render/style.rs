//! Colour, and its absence.

/// Whether colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    colour: bool,
}

/// What a text says of itself by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it is.
    None,
    /// A heading.
    Bold,
    /// Of little weight.
    Dim,
    /// Good.
    Good,
    /// Somebody should look.
    Warn,
    /// Bad.
    Bad,
}

impl Style {
    /// Colour only on a terminal, and only where nobody said NO_COLOR.
    pub(crate) fn new(is_terminal: bool, wanted: bool) -> Self {
        Self { colour: is_terminal && wanted }
    }

    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::None => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Warn => "33",
            Paint::Bad => "31",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
