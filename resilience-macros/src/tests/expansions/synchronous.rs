fn charge(&mut self, order: Order) -> Result<Receipt, PaymentError> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[circuit_breaker(__taken)]
    const _: () = ();
    #[bulkhead(__taken)]
    const _: () = ();
    #[rate_limit(__taken)]
    const _: () = ();
    #[fallback(__taken)]
    const _: () = ();
    let (__operation, __retry, __breaker, __bulkhead, __rate_limit) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "charge", ::core::line!(), [Fallback(& __FALLBACK), Retry(&
            __RETRY), CircuitBreaker(& __BREAKER), Bulkhead(& __BULKHEAD), RateLimit(&
            __RATE_LIMIT)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "queue_payment",
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING.attempts(3),
            true,
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("payment"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::NOTHING.max_concurrent(2),
            true,
        );
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RateLimitConfig::NOTHING
                .rate(__resilience::Rate::new(10, __resilience::Duration::from_secs(1))),
            true,
        );
        (&__OPERATION, &__RETRY, &__BREAKER, &__BULKHEAD, &__RATE_LIMIT)
    };
    let __order_for_fallback = __resilience::clone_argument(&order);
    let __result = {
        let mut __order_for_attempts = __resilience::Some(order);
        let mut __run = __retry.get().start();
        loop {
            let __result = {
                let order = __resilience::lend(
                    &mut __order_for_attempts,
                    __run.is_last_attempt(),
                );
                let __result = '__circuit_breaker: {
                    let __permit = match __breaker.admit() {
                        __resilience::Ok(__permit) => __permit,
                        __resilience::Err(__refused) => {
                            break '__circuit_breaker __resilience::rejected(__refused);
                        }
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
                            if let __resilience::Err(__rejection) = __rate_limit
                                .get()
                                .try_acquire()
                            {
                                break '__rate_limit __resilience::Err(
                                    __resilience::Failure::Rejected(__rejection),
                                );
                            }
                            let __result = __permit
                                .watch_call(
                                    __resilience::of_attempt(
                                        __run.attempt(),
                                        || {
                                            if false {
                                                let _ = &mut *self;
                                                return __resilience::never::<
                                                    Result<Receipt, PaymentError>,
                                                >();
                                            }
                                            let order = order;
                                            { self.gateway.charge(order) }
                                        },
                                    ),
                                );
                            let __result = __resilience::called(__result);
                            __result
                        };
                        __result
                    };
                    __resilience::settle_any(
                        __permit,
                        __resilience::error_of(&__result).describe_error(),
                        __result,
                    )
                };
                __result
            };
            let __wait = match {
                let __result = __result;
                __resilience::tried(
                    &mut __run,
                    __resilience::error_of(&__result).describe_error(),
                    __result,
                    __resilience::Some(__breaker),
                )
            } {
                __resilience::ControlFlow::Continue(__wait) => __wait,
                __resilience::ControlFlow::Break(__result) => break __result,
            };
            __run.block(__wait);
        }
    };
    '__fallback: {
        let (__describe, __result) = {
            let __result = __result;
            (__resilience::error_of(&__result).describe_error(), __result)
        };
        let __failure = match { __result } {
            __resilience::Ok(__value) => break '__fallback __resilience::Ok(__value),
            __resilience::Err(__failure) => __failure,
        };
        __operation.count_fallback(&__failure, __describe);
        let __answered = __resilience::at_once(
            __resilience::Answer::<
                Result<Receipt, PaymentError>,
            >::by(
                (self, __order_for_fallback),
                __failure,
                __resilience::FromRejection,
                queue_payment,
            ),
        );
        __operation.fallback_ended(__answered, __describe)
    }
}
