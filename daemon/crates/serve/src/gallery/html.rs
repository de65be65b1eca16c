//! HTML as a text that nothing gets into unescaped: markup is what stands in this program, everything else is text.

use std::fmt::{Display, Write as _};

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of this program's own. Values of attributes go between double quotes.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything else, as text or as the value of an attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        let text = text.to_string();
        escape(&text, &mut self.0);
        self
    }

    /// Another piece.
    pub(super) fn add(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// Text as it stands in HTML, also between quotes. Control characters, which have no place there and could hide what is
/// said, become the sign for what cannot be shown.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            control if control.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
}

/// "1 photo", "2 photos".
pub(super) fn counted(count: usize, what: &str) -> String {
    let mut text = format!("{count} {what}");
    if count != 1 {
        // Writing into a text cannot fail.
        let _ = text.write_char('s');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_text()
    }

    /// What a browser makes of it.
    fn read(html: &str) -> String {
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
            .iter()
            .fold(html.to_owned(), |text, (written, meant)| text.replace(written, meant))
    }

    proptest! {
        #[test]
        fn text_stays_text(text in any::<String>()) {
            let html = escaped(&text);
            prop_assert!(!html.contains(['<', '>', '"', '\'']) && !html.contains(char::is_control));
            for (at, _) in html.match_indices('&') {
                let written = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
                prop_assert!(written.iter().any(|one| html[at..].starts_with(one)), "{}", html);
            }
            prop_assert_eq!(read(&html), text.replace(char::is_control, "\u{fffd}"));
        }
    }

    #[test]
    fn a_script_is_a_name_like_any_other() {
        assert_eq!(escaped("<script>&\"'"), "&lt;script&gt;&amp;&quot;&#39;");
        assert_eq!(escaped("&amp;"), "&amp;amp;");
        assert_eq!(escaped("a\0b\nc"), "a\u{fffd}b\u{fffd}c");
    }
}
