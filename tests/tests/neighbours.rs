//! What else a program may have in it.

use resilience_runtime::{Rejection, circuit_breaker, registry};

/// A slice of the linker's that somebody else has given the plainest of names.
#[linkme::distributed_slice]
static OPERATIONS: [u8];

#[linkme::distributed_slice(OPERATIONS)]
static ONE: u8 = 1;

#[circuit_breaker("neighbours")]
async fn guarded() -> Result<u8, Rejection> {
    Ok(2)
}

#[tokio::test]
async fn another_slice_of_the_linkers_may_be_called_operations() {
    assert_eq!(guarded().await, Ok(2));
    assert_eq!(OPERATIONS.iter().sum::<u8>(), 1);
    assert!(registry().operations().any(|operation| operation.function() == "guarded"));
}

#[test]
fn where_nobody_shares_a_name_none_is_marked_and_all_places_agree() {
    let table = registry().describe().to_string();
    assert!(table.contains("neighbours::guarded") && !table.contains('*'), "{table}");
    assert_eq!(registry().verify(), Ok(()));
}
