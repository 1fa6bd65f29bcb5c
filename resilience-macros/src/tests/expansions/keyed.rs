fn reserve(
    mut warehouse: u32,
    #[cfg(feature = "lots")]
    lot: u32,
) -> impl ::core::future::Future<Output = Result<(), StockError>> {
    use crate::guards::private::{self as __resilience, DescribeError as _};
    let __breaker = {
        crate::guards::private::lone_breaker! {
            __BREAKER = "reserve", ::core::line!(), __resilience::Some("inventory"),
            __resilience::CircuitBreakerConfig::NOTHING.max_keys(64), true
        }
        &__BREAKER
    };
    __resilience::guard_key(
        __breaker,
        move |__key| {
            {
                let warehouse = warehouse;
                __key.print_key(&(warehouse + 1));
                warehouse = warehouse;
            }
            async move {
                if false {
                    return __resilience::never::<Result<(), StockError>>();
                }
                let warehouse = warehouse;
                let _ = &warehouse;
                #[cfg(feature = "lots")]
                let lot = lot;
                { stock(warehouse).await }
            }
        },
        |__permit, __result| {
            let __result = __resilience::called(__result);
            __resilience::settle_any(
                __permit,
                __resilience::error_of(&__result).describe_error(),
                __result,
            )
        },
        |__result| {
            let __map_rejection = __resilience::map_with(
                &__result,
                StockError::rejected,
            );
            __resilience::finish::<
                Result<(), StockError>,
                _,
                _,
                _,
            >(__result, __map_rejection)
        },
    )
}
