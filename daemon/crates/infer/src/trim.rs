//! How much freed memory the C library keeps for itself, and giving back what it kept.
//!
//! glibc keeps what was freed for later: after unloading networks most of what they took (of 105 MiB that SCRFD and
//! MobileFaceNet took on tract it kept 95, of 114 on ONNX Runtime 52), and while photos are indexed the holes that their
//! buffers leave in each of its arenas, of which it makes up to eight a core. Other C libraries give back by themselves.
#![allow(
    unsafe_code,
    reason = "glibc's functions have no safe wrapper that is kept up; see the SAFETY comments"
)]

/// Free memory at the end of an arena from which on it is given back at once, in bytes. Left alone, glibc raises it (to 64 MiB at
/// most) as it sees large buffers freed. Less than the buffers of one photo would be fetched anew for each.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 16 << 20;
/// Pieces of memory from this size on are the system's own, in bytes: decoded photos, not the frames and crops made of them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: libc::c_int = 4 << 20;

/// Makes the allocator keep little of what is freed: few arenas, and the largest buffers given back at once. To be called before
/// there are threads.
pub fn keep_little_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // A quarter of the cores want memory at once at most: small pieces come from each thread's own store.
        let arenas = std::thread::available_parallelism().map_or(2, |cores| (cores.get() / 4).clamp(2, 8));
        let arenas = libc::c_int::try_from(arenas).unwrap_or(2);
        // SAFETY: mallopt(3) takes two numbers and changes how later calls of the allocator behave, nothing that was
        // allocated; it may be called at any time.
        let heard = unsafe {
            libc::mallopt(libc::M_ARENA_MAX, arenas) == 1
                && libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT) == 1
                && libc::mallopt(libc::M_MMAP_THRESHOLD, OWN) == 1
        };
        tracing::debug!(heard, arenas, "the allocator keeps little");
    }
}

/// Gives back what is free: some milliseconds in which others that get memory may have to wait.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: malloc_trim(3) may be called by any thread at any time and touches only memory that is free.
        let gave = unsafe { libc::malloc_trim(0) };
        tracing::debug!(gave, "freed memory given back");
    }
}
