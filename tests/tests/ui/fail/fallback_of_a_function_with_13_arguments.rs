use resilience_runtime::{Rejection, fallback};

type Int = u8;

#[fallback(queue)]
async fn charge(
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    _: Int,
    thirteenth: Int,
) -> Result<u8, Rejection> {
    Ok(thirteenth)
}

fn main() {}
