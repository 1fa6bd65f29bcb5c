#[cfg(not(doc))]
fn charge(
    &self,
    order: Order,
) -> impl ::core::future::Future<Output = Result<Receipt, PaymentError>> {
    use ::resilience_runtime::private as __resilience;
    #[circuit_breaker(__taken)]
    const _: () = ();
    #[bulkhead(__taken)]
    const _: () = ();
    #[timeout(__taken)]
    const _: () = ();
    let (__retry, __breaker, __bulkhead, __attempt_timeout) = {
        #[::resilience_runtime::private::linkme::distributed_slice(
            ::resilience_runtime::private::OPERATIONS
        )]
        #[linkme(crate = ::resilience_runtime::private::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            ::core::module_path!(),
            "charge",
            ::core::file!(),
            ::core::line!(),
            &[
                __resilience::Layer::Retry(&__RETRY),
                __resilience::Layer::CircuitBreaker(&__BREAKER),
                __resilience::Layer::Bulkhead(&__BULKHEAD),
                __resilience::Layer::Timeout(&__ATTEMPT_TIMEOUT),
            ],
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::new().attempts(3),
            true,
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("payment"),
            __resilience::CircuitBreakerConfig::new(),
            false,
        );
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::new().max_concurrent(10),
            true,
        );
        static __ATTEMPT_TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::new()
                .after(__resilience::Duration::from_secs(2)),
            true,
        );
        (&__RETRY, &__BREAKER, &__BULKHEAD, &__ATTEMPT_TIMEOUT)
    };
    __resilience::guard_layers(
        {
            let mut __order_for_attempts = __resilience::Some(order);
            __resilience::retried(
                __retry,
                move |__run| {
                    let order = __resilience::lend(
                        &mut __order_for_attempts,
                        __run.is_last_attempt(),
                    );
                    __resilience::behind(
                        __breaker,
                        __resilience::placed_at_once(
                            __bulkhead,
                            __resilience::within(
                                __attempt_timeout,
                                __resilience::body(
                                    __resilience::in_attempt(
                                        __run.attempt(),
                                        async move {
                                            if let __resilience::Some(__result) = __resilience::None::<
                                                Result<Receipt, PaymentError>,
                                            > {
                                                let _ = &self;
                                                return __result;
                                            }
                                            let order = order;
                                            { self.gateway.charge(order).await }
                                        },
                                    ),
                                ),
                            ),
                        ),
                        |__permit, __result| {
                            let __result = __resilience::answered(__result);
                            __resilience::settle_any(
                                __permit,
                                __resilience::error_of(&__result).describe_error(),
                                __result,
                            )
                        },
                    )
                },
                |__run, __result| {
                    __resilience::tried(
                        __run,
                        __resilience::error_of(&__result).describe_error(),
                        __result,
                        __resilience::Some(__breaker),
                    )
                },
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
