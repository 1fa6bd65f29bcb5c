//! A barrier of which one side costs nothing: that side only stops the compiler from reordering, and the other one makes the kernel run a barrier on every thread.
//!
//! Of one who passes [lightly](light) between a store and a load, and one who passes [heavily](heavy) between a store and a load, at least one sees the other's store (membarrier(2),
//! `MEMBARRIER_CMD_GLOBAL`). Models have a `SeqCst` fence on both sides, which is what it stands for.

/// Whether this system has such a barrier. Where it has none, neither side may be used.
pub(crate) fn is_there() -> bool {
    by_kernel::is_there()
}

/// The side of those who come often.
#[inline(always)]
pub(crate) fn light() {
    #[cfg(not(resilience_loom))]
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
    #[cfg(resilience_loom)]
    crate::sync::fence(crate::sync::Ordering::SeqCst);
}

/// The side of who comes once. It takes some ten milliseconds, so it is for whoever configures something. The kernel has a faster one, for which a process has to register first; that
/// takes as long, and would have to be done in a call.
pub(crate) fn heavy() {
    crate::sync::fence(crate::sync::Ordering::SeqCst);
    by_kernel::make_all_pass();
}

#[cfg(all(target_os = "linux", not(resilience_loom)))]
mod by_kernel {
    use libc::{c_int, c_long};
    use once_cell::sync::Lazy;
    use std::time::Duration;

    static IS_THERE: Lazy<bool> = Lazy::new(|| {
        let commands = ask(libc::MEMBARRIER_CMD_QUERY);
        commands > 0 && commands & c_long::from(libc::MEMBARRIER_CMD_GLOBAL) != 0
    });

    pub(super) fn is_there() -> bool {
        *IS_THERE
    }

    pub(super) fn make_all_pass() {
        if ask(libc::MEMBARRIER_CMD_GLOBAL) != 0 {
            // The process has taken the right to ask from itself meanwhile. No processor keeps a store to itself for so long.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask(command: c_int) -> c_long {
        // SAFETY: it takes three integers, and touches no memory of the process (membarrier(2)).
        #[allow(unsafe_code)]
        unsafe {
            let (command, none): (c_long, c_long) = (command.into(), 0);
            libc::syscall(libc::SYS_membarrier, command, none, none)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_the_kernel_has_said_that_there_is_it_does() {
            if is_there() {
                assert_eq!(ask(libc::MEMBARRIER_CMD_GLOBAL), 0);
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
