//! What forms and addresses carry (`application/x-www-form-urlencoded`), read.

/// Fields in the order in which they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

/// What is no form: its text is broken, or not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoForm;

impl Form {
    pub(super) fn read(text: &str) -> Result<Self, NoForm> {
        let fields = text.split('&').filter(|field| !field.is_empty()).map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// The first field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Every field of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A field that is a number; 0 where it is none or absent.
    pub(super) fn count(&self, name: &str) -> usize {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    pub(super) fn says_yes(&self, name: &str) -> bool {
        self.get(name) == Some("yes")
    }
}

fn decoded(text: &str) -> Result<String, NoForm> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = digit(rest.next()).zip(digit(rest.next())).ok_or(NoForm)?;
                u8::try_from(16 * high + low).map_err(|_| NoForm)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| NoForm)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::fmt::Write as _;

    use super::*;

    /// A value as it stands in an address.
    pub(super) fn encoded(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing into a text cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[a-z]{1,5}", value in any::<String>(), other in any::<String>()) {
            let text = format!("{name}={}&zzzzzz={}", encoded(&value), encoded(&other));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>#?".contains(&byte)));
            let form = Form::read(&text).unwrap();
            prop_assert_eq!(form.get(&name), Some(value.as_str()));
            prop_assert_eq!(form.get("zzzzzz"), Some(other.as_str()));
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            let _ = Form::read(&text);
        }
    }

    #[test]
    fn as_browsers_write_it() {
        let form = Form::read("name=Ada+%26+Zo%C3%AB&empty=&bare&from=60&hidden=yes&name=later").unwrap();
        assert_eq!(form.get("name"), Some("Ada & Zoë"));
        assert_eq!((form.get("empty"), form.get("bare"), form.get("absent")), (Some(""), Some(""), None));
        assert_eq!((form.count("from"), form.count("name"), form.count("absent")), (60, 0, 0));
        assert_eq!(form.all("name").collect::<Vec<_>>(), ["Ada & Zoë", "later"]);
        assert!(form.says_yes("hidden") && !form.says_yes("name"));
        for broken in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "%c3=1"] {
            assert_eq!(Form::read(broken), Err(NoForm), "{broken}");
        }
    }
}
