//! Which policies can stand around one call, and in which order.

const TIMEOUT: &str = "timeout";
const RETRY: &str = "retry";

/// What is wrong with the order of these attributes, the outermost first: each that is there twice, and each that could not do its job where it stands, with what to do about it.
#[must_use]
pub fn wrong_orders(attributes: &[&str]) -> Vec<(usize, String)> {
    let twice = (0..attributes.len()).filter_map(|at| Some((at, twice(&attributes[..at], attributes[at])?)));
    twice.chain(timeout_above_breaker(attributes)).collect()
}

fn twice(above: &[&str], attribute: &str) -> Option<String> {
    let mut same = above.iter().enumerate().filter(|(_, other)| **other == attribute);
    let (first, _) = same.next()?;
    let has_retry_between = above[first..].contains(&RETRY);
    Some(match attribute {
        TIMEOUT if has_retry_between && same.next().is_none() => return None,
        TIMEOUT => "`timeout` is already applied to this function; a second one is only useful on the other side of a \
            `retry`: above it, a timeout limits all attempts together, below it, each of them"
            .to_owned(),
        "fallback" => "`fallback` is already applied to this function; write one `#[fallback(first, second)]`, which \
            tries them in turn"
            .to_owned(),
        _ => format!(
            "`{attribute}` is already applied to this function; merge the keys of both into one `#[{attribute}]`"
        ),
    })
}

/// The breaker would see nothing but cancelled calls, which are in no rate.
fn timeout_above_breaker(attributes: &[&str]) -> Option<(usize, String)> {
    let breaker = attributes.iter().position(|other| *other == "circuit_breaker")?;
    let timeout = attributes[..breaker].iter().position(|other| *other == TIMEOUT)?;
    if attributes[breaker..].contains(&TIMEOUT) {
        return None;
    }
    let or_both = match attributes[timeout..].contains(&RETRY) {
        true => ", or add a second `#[timeout]` there and keep this one for all attempts together",
        false => "",
    };
    let message = format!(
        "this `timeout` is above `circuit_breaker`, which would see only cancelled calls, so a dependency that hangs would \
        never open it; move `#[timeout]` below `#[circuit_breaker]`{or_both}"
    );
    Some((timeout, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(attributes: &[&str]) -> Vec<usize> {
        wrong_orders(attributes).into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn what_can_do_its_job_is_allowed_and_nothing_else() {
        assert_eq!(wrong(&[]), []);
        assert_eq!(wrong(&["timeout", "retry", "circuit_breaker", "bulkhead", "rate_limit", "timeout"]), []);
        assert_eq!(wrong(&["timeout", "retry", "circuit_breaker"]), [0]);
        assert_eq!(wrong(&["retry", "timeout", "timeout"]), [2]);
        assert_eq!(wrong(&["timeout", "retry", "timeout", "timeout"]), [3]);
        assert_eq!(wrong(&["retry", "bulkhead", "retry", "bulkhead"]), [2, 3]);
        assert_eq!(wrong(&["timeout", "circuit_breaker", "circuit_breaker"]), [2, 0]);
        assert_eq!(wrong(&["timeout", "retry", "bulkhead", "circuit_breaker", "timeout"]), [], "the lower one is seen");
        assert_eq!(wrong(&["circuit_breaker", "timeout"]), []);
        assert_eq!(wrong(&["bulkhead", "timeout", "circuit_breaker"]), [1]);
        assert_eq!(wrong(&["timeout", "retry", "bulkhead", "timeout"]), []);
        assert_eq!(wrong(&["retry", "timeout", "bulkhead", "timeout"]), [3], "the retry is above both");
        assert_eq!(wrong(&["fallback", "fallback"]), [1]);
        let said = |attributes: &[&str]| wrong_orders(attributes).remove(0).1;
        assert!(said(&["fallback", "fallback"]).contains("write one `#[fallback(first, second)]`"));
        assert!(said(&["retry", "retry"]).ends_with("merge the keys of both into one `#[retry]`"));
        assert!(said(&["timeout", "timeout"]).contains("on the other side of a `retry`"));
        let plain = said(&["timeout", "circuit_breaker", "retry"]);
        assert!(!said(&["timeout", "circuit_breaker"]).contains("add a second") && plain.contains("add a second"));
        let either = wrong_orders(&["timeout", "retry", "circuit_breaker"]).pop().unwrap().1;
        assert!(either.contains("add a second `#[timeout]`"), "{either}");
    }
}
