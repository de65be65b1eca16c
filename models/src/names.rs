//! What a pack may be called: its name is also that of a folder, and is printed to terminals.

/// Letters, digits, `-`, `_` and `.`, not beginning with a point; 1 to 64 of them.
pub(crate) fn is_pack_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_folder_of_its_own() {
        for good in ["buffalo_l", "a", "opencv-2026.5"] {
            assert!(is_pack_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\n", &"a".repeat(65)] {
            assert!(!is_pack_name(bad), "{bad}");
        }
    }
}
