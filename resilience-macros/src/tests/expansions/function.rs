/// Charges the customer.
pub fn charge(
    order: &Order,
) -> impl ::core::future::Future<Output = Result<Receipt, PaymentError>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __breaker = {
        ::resilience_runtime::private::lone_breaker! {
            __BREAKER = "charge", ::core::line!(), __resilience::Some("payment"),
            __resilience::CircuitBreakerConfig::NOTHING.failure_rate(50.0)
            .window(__resilience::Window::Time(__resilience::Duration::from_secs(10)))
            .open_for(__resilience::Duration::from_secs(30)), true
        }
        &__BREAKER
    };
    __resilience::guard(
        __breaker,
        async move {
            if false {
                return __resilience::never::<Result<Receipt, PaymentError>>();
            }
            let order = order;
            {
                let receipt = gateway().charge(order).await?;
                Ok(receipt)
            }
        },
        |__permit, __result| {
            let __result = __resilience::called(__result);
            __resilience::settle(
                __permit,
                __resilience::error_of(&__result).describe_error(),
                __result,
                |error| error.is_transient(),
                __resilience::nothing,
            )
        },
        |__result| {
            __resilience::finish::<
                Result<Receipt, PaymentError>,
                _,
                _,
                _,
            >(__result, __resilience::FromRejection)
        },
    )
}
