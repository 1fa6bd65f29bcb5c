//! The function that reads the kernel's clocks: the kernel's own where it is found, to which libc's leads by a detour that costs a fourth of a coarse reading.

#[cfg(not(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(target_feature = "crt-static")
)))]
pub(super) use libc::clock_gettime;

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu", not(target_feature = "crt-static")))]
pub(super) use kernels::clock_gettime;

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu", not(target_feature = "crt-static")))]
mod kernels {
    use crate::sync::AtomicAddress;
    use libc::{c_int, c_void, clockid_t, timespec};
    use std::mem::transmute;

    type ClockGettime = unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int;

    /// At first what looks for it.
    static READS: AtomicAddress = AtomicAddress::new(look_up_and_read as *mut ());

    /// Not 0 where there is no time.
    ///
    /// # Safety
    ///
    /// `now` points to room for a `timespec`.
    #[allow(unsafe_code)]
    #[inline]
    pub(crate) unsafe fn clock_gettime(clock: clockid_t, now: *mut timespec) -> c_int {
        // SAFETY: nothing is put there but functions of this type, and all that any of them wants is that room.
        unsafe { transmute::<*mut (), ClockGettime>(READS.get())(clock, now) }
    }

    /// As [`clock_gettime`]. What is read from then on is the kernel's, or libc's where the process has none of the kernel's, as under valgrind.
    #[allow(unsafe_code)]
    #[cold]
    unsafe extern "C" fn look_up_and_read(clock: clockid_t, now: *mut timespec) -> c_int {
        let function = the_kernels().unwrap_or(libc::clock_gettime);
        READS.set(function as *mut ());
        // SAFETY: all that either function wants is the room that the caller has.
        unsafe { function(clock, now) }
    }

    fn the_kernels() -> Option<ClockGettime> {
        // SAFETY: both names end with a zero. The image is looked for among those that the process has, so that nothing of it runs by being opened, and it is never closed. What has this name in
        // the image that the kernel provides is a function of this type (vdso(7)).
        #[allow(unsafe_code)]
        unsafe {
            let image = libc::dlopen(c"linux-vdso.so.1".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            if image.is_null() {
                return None;
            }
            let function = libc::dlsym(image, c"__vdso_clock_gettime".as_ptr());
            (!function.is_null()).then(|| transmute::<*mut c_void, ClockGettime>(function))
        }
    }

    #[cfg(all(test, not(resilience_loom)))]
    mod tests {
        use super::*;

        #[test]
        fn it_is_the_clock_that_libc_reads() {
            let Some(the_kernels) = the_kernels() else { return };
            for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC_COARSE] {
                let read = |function: ClockGettime| {
                    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
                    // SAFETY: this is room for a `timespec`.
                    #[allow(unsafe_code)]
                    let answer = unsafe { function(clock, &raw mut now) };
                    assert_eq!(answer, 0);
                    (now.tv_sec, now.tv_nsec)
                };
                let [before, between, after] = [libc::clock_gettime, the_kernels, libc::clock_gettime].map(read);
                assert!(before <= between && between <= after, "{before:?} {between:?} {after:?}");
            }
        }

        #[test]
        fn a_clock_that_does_not_exist_is_told_from_one_at_zero() {
            let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: this is room for a `timespec`.
            #[allow(unsafe_code)]
            let answer = unsafe { clock_gettime(-1, &raw mut now) };
            assert_ne!(answer, 0);
        }
    }
}
