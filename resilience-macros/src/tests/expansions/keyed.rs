async fn reserve(
    mut warehouse: u32,
    #[cfg(feature = "lots")]
    lot: u32,
) -> Result<(), StockError> {
    use crate::guards::private::{self as __resilience, DescribeError as _};
    let __breaker = {
        crate::guards::private::operation! {
            __OPERATION = "reserve", ::core::line!(), [CircuitBreaker(& __BREAKER)]
        }
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("inventory"),
            __resilience::CircuitBreakerConfig::new().max_keys(64),
            true,
        );
        &__BREAKER
    };
    let __result = '__circuit_breaker: {
        let mut __key = __breaker.of_a_key();
        let mut __permit = match {
            let warehouse = warehouse;
            let __acquired = __key.admit(&(warehouse + 1));
            warehouse = warehouse;
            __acquired
        } {
            __resilience::Ok(__permit) => __permit,
            __resilience::Err(__refused) => {
                break '__circuit_breaker __resilience::rejected(__refused);
            }
        };
        let __result = __permit
            .watch(
                ::core::pin::pin!(async move {
                    if false {
                        return __resilience::never::<Result<(), StockError>>();
                    }
                    let warehouse = warehouse;
                    let _ = &warehouse;
                    #[cfg(feature = "lots")]
                    let lot = lot;
                    { stock(warehouse).await }
                }),
            )
            .await;
        let __result = __resilience::called(__result);
        __resilience::settle_any(
            __permit,
            __resilience::error_of(&__result).describe_error(),
            __result,
        )
    };
    let __map_rejection = __resilience::map_with(&__result, StockError::rejected);
    __resilience::finish::<Result<(), StockError>, _, _, _>(__result, __map_rejection)
}
