fn charge(
    &self,
    order: Order,
) -> impl ::core::future::Future<Output = Result<Receipt, PaymentError>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[circuit_breaker(__taken)]
    const _: () = ();
    #[bulkhead(__taken)]
    const _: () = ();
    #[timeout(__taken)]
    const _: () = ();
    let (__retry, __breaker, __bulkhead, __attempt_timeout) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "charge", ::core::line!(), [Retry(& __RETRY), CircuitBreaker(&
            __BREAKER), Bulkhead(& __BULKHEAD), Timeout(& __ATTEMPT_TIMEOUT)]
        }
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
            __resilience::BulkheadConfig::NOTHING.max_concurrent(10),
            true,
        );
        static __ATTEMPT_TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::NOTHING
                .after(__resilience::Duration::from_secs(2)),
            true,
        );
        (&__RETRY, &__BREAKER, &__BULKHEAD, &__ATTEMPT_TIMEOUT)
    };
    let mut __order_for_attempts = __resilience::Some(order);
    __resilience::guard_attempts(
        (
            (),
            __retry,
            (__breaker, __resilience::NeverWaits(__bulkhead), __attempt_timeout),
        ),
        move |__run| {
            let order = __resilience::lend(
                &mut __order_for_attempts,
                __run.is_last_attempt(),
            );
            async move {
                if false {
                    let _ = &self;
                    return __resilience::never::<Result<Receipt, PaymentError>>();
                }
                let order = order;
                { self.gateway.charge(order).await }
            }
        },
        |__result| {
            let __result = __resilience::called(__result);
            (__resilience::error_of(&__result).describe_error(), __result)
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
