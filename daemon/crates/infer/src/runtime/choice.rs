//! Which runtime the user wants, as a word or a path. Whether it can be had is found out elsewhere.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which runtime the user wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RuntimeChoice {
    /// ONNX Runtime where it can be found, otherwise tract. Written `auto`.
    #[default]
    Auto,
    /// tract. Written `tract`.
    Tract,
    /// The ONNX Runtime library in this file, and nothing else. Written as a path.
    Library(PathBuf),
}

/// A text that names no runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no runtime; allowed are `auto`, `tract` and the path of a libonnxruntime.so")]
pub struct ParseChoiceError(String);

impl FromStr for RuntimeChoice {
    type Err = ParseChoiceError;

    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "tract" => Ok(Self::Tract),
            // A misspelt word is not taken for a file.
            path if path.contains('/') || path.contains(".so") => Ok(Self::Library(path.into())),
            other => Err(ParseChoiceError(other.to_owned())),
        }
    }
}

impl fmt::Display for RuntimeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Tract => f.write_str("tract"),
            Self::Library(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_survive_their_text_and_misspelt_words_are_refused() {
        for text in ["auto", "tract", "/opt/lib/libonnxruntime.so.1.30.0", "libonnxruntime.so"] {
            assert_eq!(text.parse::<RuntimeChoice>().unwrap().to_string(), text);
        }
        for text in ["", "Auto", "trakt", "onnxruntime"] {
            let error = text.parse::<RuntimeChoice>().unwrap_err().to_string();
            assert!(error.contains("`auto`, `tract`"), "{error}");
        }
    }
}
