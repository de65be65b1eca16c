//! Reading one table of a manifest so that every mistake in it is found, not only the first.
//!
//! Each reading method returns a value even when it noted a mistake: a placeholder that never gets out, because a
//! manifest with a mistake is refused as a whole once all of them are known.

use std::ops::RangeInclusive;

use toml::{Table, Value};
use vow_types::num::narrow;

use crate::Mistake;

/// Longest piece of a wrong value that is quoted back.
const QUOTED: usize = 60;

/// One table, the keys asked of it so far, and the mistakes found in it.
pub(crate) struct TableReader<'a> {
    table: &'a Table,
    /// `detector.` or, at the top, nothing.
    prefix: String,
    asked: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl<'a> TableReader<'a> {
    pub(crate) fn new(table: &'a Table) -> Self {
        Self { table, prefix: String::new(), asked: Vec::new(), mistakes: Vec::new() }
    }

    /// The mistakes, with every key that nobody asked for among them.
    pub(crate) fn finish(mut self) -> Vec<Mistake> {
        let allowed = self.asked.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        for key in self.table.keys().filter(|key| !self.asked.contains(&key.as_str())) {
            let key = format!("{}{}", self.prefix, short(key));
            self.mistakes.push(Mistake::UnknownKey { key, allowed: allowed.clone() });
        }
        self.mistakes
    }

    /// Reads a table within this one. Absent: with `needed` a mistake, otherwise as if it were empty.
    pub(crate) fn table<T>(
        &mut self,
        key: &'static str,
        needed: bool,
        read: impl FnOnce(&mut TableReader<'_>) -> T,
    ) -> T {
        let empty = Table::new();
        let (table, usable) = match self.ask(key) {
            Some(Value::Table(table)) => (table, true),
            found => {
                if found.is_some() || needed {
                    self.refuse::<()>(key, found, format!("a table, [{key}]"));
                }
                // What an absent table lacks is not listed again key by key.
                (&empty, found.is_none() && !needed)
            }
        };
        let mut inner = TableReader { prefix: format!("{}{key}.", self.prefix), ..TableReader::new(table) };
        let value = read(&mut inner);
        if usable {
            self.mistakes.append(&mut inner.finish());
        }
        value
    }

    /// A text of 1 to 200 characters without control characters (it is printed to terminals).
    pub(crate) fn text(&mut self, key: &'static str) -> String {
        let found = self.ask(key);
        match found {
            Some(Value::String(text)) if is_plain(text) => text.clone(),
            _ => self.refuse(key, found, "a text in quotes, 1 to 200 characters on one line".to_owned()),
        }
    }

    /// As [`Self::text`], or `None` when the key is absent.
    pub(crate) fn optional_text(&mut self, key: &'static str) -> Option<String> {
        self.ask(key).is_some().then(|| self.text(key))
    }

    /// Any text that is not empty: the name of a file may be long.
    pub(crate) fn file_name(&mut self, key: &'static str) -> String {
        let found = self.ask(key);
        match found {
            Some(Value::String(text)) if !text.is_empty() && !text.contains('\0') => text.clone(),
            _ => self.refuse(key, found, "the name of a file beside pack.toml, or a path".to_owned()),
        }
    }

    /// A SHA-256 in hexadecimal digits, given back in lower case; absent is fine.
    pub(crate) fn sha256(&mut self, key: &'static str) -> Option<String> {
        match self.ask(key)? {
            Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Some(text.to_ascii_lowercase())
            }
            other => self.refuse(key, Some(other), "64 hexadecimal digits in quotes".to_owned()),
        }
    }

    /// One of two names.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, choices: [(&str, T); 2]) -> T {
        let found = self.ask(key);
        let text = found.and_then(Value::as_str);
        if let Some((_, value)) = choices.iter().find(|(name, _)| Some(*name) == text) {
            return *value;
        }
        let [(first, placeholder), (second, _)] = choices;
        self.refuse::<()>(key, found, format!("\"{first}\" or \"{second}\""));
        placeholder
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.ask(key) {
            None => default,
            Some(Value::Boolean(value)) => *value,
            other => self.refuse(key, other, "true or false".to_owned()),
        }
    }

    /// A number in a range, whole or not.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f32>,
        default: Option<f32>,
    ) -> f32 {
        let found = self.ask(key);
        let value = match found {
            None => default,
            Some(Value::Float(value)) => Some(narrow(*value)),
            // Beyond 32 bits a whole number is outside every range there is.
            Some(Value::Integer(value)) => i32::try_from(*value).ok().map(|value| narrow(f64::from(value))),
            Some(_) => None,
        };
        // Adding zero turns -0.0 into 0.0: they are one setting, and a pack's id is made of bits.
        value.map(|value| value + 0.0).filter(|value| range.contains(value)).unwrap_or_else(|| {
            self.refuse(key, found, format!("a number from {} to {}", range.start(), range.end()))
        })
    }

    /// As [`Self::number`], or `None` when the key is absent.
    pub(crate) fn optional_number(&mut self, key: &'static str, range: RangeInclusive<f32>) -> Option<f32> {
        self.ask(key).is_some().then(|| self.number(key, range, None))
    }

    /// A whole number in a range.
    pub(crate) fn whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: Option<u32>,
    ) -> u32 {
        let found = self.ask(key);
        let value = match found {
            None => default,
            Some(value) => value.as_integer().and_then(|value| u32::try_from(value).ok()),
        };
        value.filter(|value| range.contains(value)).unwrap_or_else(|| {
            self.refuse(key, found, format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// As [`Self::whole`], or `None` when the key is absent.
    pub(crate) fn optional_whole(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        self.ask(key).is_some().then(|| self.whole(key, range, None))
    }

    fn ask(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.get(key)
    }

    /// Notes that a key is missing or wrong and gives the placeholder.
    fn refuse<T: Default>(&mut self, key: &str, found: Option<&Value>, expected: String) -> T {
        let key = format!("{}{key}", self.prefix);
        self.mistakes.push(match found {
            None => Mistake::Missing { key, expected },
            Some(value) => Mistake::Wrong { key, found: quote(value), expected },
        });
        T::default()
    }
}

fn is_plain(text: &str) -> bool {
    (1..=200).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && !text.trim().is_empty()
}

/// A value as it is quoted back: on one line, without control characters, not too long.
fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", short(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        other => short(&other.to_string()),
    }
}

fn short(text: &str) -> String {
    let mut quoted: String = text.chars().take(QUOTED).flat_map(char::escape_debug).collect();
    if text.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    quoted
}
