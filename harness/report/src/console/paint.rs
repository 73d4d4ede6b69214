//! Colour, where the caller asked for it.

use harness_record::verdict::Verdict;

/// Wraps texts in SGR sequences, or leaves them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) colour: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn verdict(self, verdict: Verdict, text: &str) -> String {
        self.wrap(colour(verdict), text)
    }

    pub(crate) fn badge(self, verdict: Verdict, text: &str) -> String {
        self.wrap(&format!("1;{}", colour(verdict)), text)
    }
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "32",
        Verdict::Fail => "31",
        Verdict::Inconclusive => "33",
    }
}
