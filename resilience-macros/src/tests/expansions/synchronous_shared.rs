fn charge(&self, mut order: Order) -> Result<Receipt, PaymentError> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[rate_limit(__taken)]
    const _: () = ();
    #[circuit_breaker(__taken)]
    const _: () = ();
    let (__bulkhead, __rate_limit, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "charge", ::core::line!(), [Bulkhead(& __BULKHEAD), RateLimit(&
            __RATE_LIMIT), CircuitBreaker(& __BREAKER)]
        }
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::Some("shared pool"),
            __resilience::BulkheadConfig::NOTHING,
            false,
        );
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::Some("shared turns"),
            __resilience::RateLimitConfig::NOTHING
                .rate(__resilience::Rate::new(5, __resilience::Duration::from_secs(60))),
            true,
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("shared breaker"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        (&__BULKHEAD, &__RATE_LIMIT, &__BREAKER)
    };
    let __result = '__bulkhead: {
        let __place = match __bulkhead.get().try_acquire() {
            __resilience::Ok(__place) => __place,
            __resilience::Err(__rejection) => {
                break '__bulkhead __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
        };
        let __result = '__rate_limit: {
            if let __resilience::Err(__rejection) = {
                let order = order;
                let __acquired = __rate_limit
                    .get()
                    .try_acquire_many(__resilience::cost(order.rows));
                order = order;
                __acquired
            } {
                break '__rate_limit __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
            let __result = '__circuit_breaker: {
                let __permit = match {
                    let order = order;
                    let __acquired = __breaker.keyed(&order.shop).try_acquire();
                    order = order;
                    __acquired
                } {
                    __resilience::Ok(__permit) => __permit,
                    __resilience::Err(__refused) => {
                        break '__circuit_breaker __resilience::rejected(__refused);
                    }
                };
                let __result = __permit
                    .watch_call(move || {
                        if false {
                            let _ = &self;
                            return __resilience::never::<
                                Result<Receipt, PaymentError>,
                            >();
                        }
                        let order = order;
                        let _ = &order;
                        let _ = &order;
                        { self.gateway.charge(order) }
                    });
                let __result = __resilience::called(__result);
                __resilience::settle_any(
                    __permit,
                    __resilience::error_of(&__result).describe_error(),
                    __result,
                )
            };
            __result
        };
        __result
    };
    __resilience::finish::<
        Result<Receipt, PaymentError>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
