async fn report(day: Day) -> Result<Report, Error> {
    use ::resilience_runtime::private as __resilience;
    let __rate_limit = {
        #[::resilience_runtime::private::linkme::distributed_slice(
            ::resilience_runtime::private::OPERATIONS
        )]
        #[linkme(crate = ::resilience_runtime::private::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            ::core::module_path!(),
            "report",
            ::core::file!(),
            ::core::line!(),
            &[__resilience::Layer::RateLimit(&__RATE_LIMIT)],
        );
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RateLimitConfig::new()
                .rate(__resilience::Rate::new(100, __resilience::Duration::from_secs(1)))
                .burst(20),
            true,
        );
        &__RATE_LIMIT
    };
    let __result = '__rate_limit: {
        if let __resilience::Err(__rejection) = __rate_limit.get().try_acquire() {
            break '__rate_limit __resilience::Err(
                __resilience::Failure::Rejected(__rejection),
            );
        }
        let __result = async move {
            if let __resilience::Some(__result) = __resilience::None::<
                Result<Report, Error>,
            > {
                return __result;
            }
            let day = day;
            { build(day).await }
        }
            .await;
        let __result = __resilience::called(__result);
        __result
    };
    __resilience::finish::<
        Result<Report, Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
