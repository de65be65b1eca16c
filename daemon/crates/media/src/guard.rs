//! A wall around other people's decoders: nothing a file contains may stop the daemon.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a decoder. A panic inside of it becomes an error with its message; everything it worked on is dropped with it,
/// so nothing half-changed is seen afterwards.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| -> u8 { panic!("index {}", 5) }), Err("index 5".to_owned()));
        assert_eq!(guarded(|| -> u8 { panic!("plain") }), Err("plain".to_owned()));
    }
}
