//! A barrier of which one side costs nothing: who passes often only keeps the compiler from moving what it does, and who passes once makes the kernel see to it that every thread
//! of the process has passed one.
//!
//! Whoever [passes lightly](light) between a store and a load, and whoever passes [heavily](heavy) between a store and a load, may not both load what was there before the other's store
//! (membarrier(2), `MEMBARRIER_CMD_PRIVATE_EXPEDITED`). Models have a `SeqCst` fence on both sides, which is what it stands for.

/// Whether this system has such a barrier. Where it does not, nobody may pass.
pub(crate) fn is_there() -> bool {
    by_kernel::is_there()
}

/// Of those who come often.
#[inline(always)]
pub(crate) fn light() {
    #[cfg(not(resilience_loom))]
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
    #[cfg(resilience_loom)]
    crate::sync::fence(crate::sync::Ordering::SeqCst);
}

/// Of who comes once. It may take some microseconds.
pub(crate) fn heavy() {
    crate::sync::fence(crate::sync::Ordering::SeqCst);
    by_kernel::make_all_pass();
}

#[cfg(all(target_os = "linux", not(resilience_loom)))]
mod by_kernel {
    use libc::{c_int, c_long};
    use once_cell::sync::Lazy;
    use std::time::Duration;

    /// Once a process has said that it wants it, it has it.
    static IS_THERE: Lazy<bool> = Lazy::new(|| ask(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0);

    pub(super) fn is_there() -> bool {
        *IS_THERE
    }

    pub(super) fn make_all_pass() {
        if ask(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 {
            // The process has taken the right to ask from itself meanwhile, or the kernel has no memory for it. No processor keeps a store to itself for so long.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask(command: c_int) -> c_long {
        // SAFETY: it takes three integers, and touches no memory of the process (membarrier(2)).
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(libc::SYS_membarrier, command, 0, 0)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_the_kernel_has_said_that_there_is_it_does() {
            if is_there() {
                assert_eq!(ask(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED), 0);
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", not(resilience_loom))))]
mod by_kernel {
    pub(super) fn is_there() -> bool {
        cfg!(resilience_loom)
    }

    pub(super) fn make_all_pass() {}
}
