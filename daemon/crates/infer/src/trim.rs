//! Gives memory that was freed back to the system.
//!
//! glibc keeps what was freed for later, which after unloading networks is most of what they took: of 105 MiB that SCRFD
//! and MobileFaceNet took on tract it kept 95, of 114 on ONNX Runtime 52. Other C libraries give back by themselves.
#![allow(
    unsafe_code,
    reason = "glibc's function has no safe wrapper that is kept up; see the SAFETY comment"
)]

/// Takes a moment in which nobody else gets memory: for when nothing is to be done.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: malloc_trim(3) may be called by any thread at any time and touches only memory that is free.
        let gave = unsafe { libc::malloc_trim(0) };
        tracing::debug!(gave, "freed memory given back");
    }
}
