fn report(day: Day) -> impl ::core::future::Future<Output = Result<Report, Error>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __rate_limit = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "report", ::core::line!(), [RateLimit(& __RATE_LIMIT)]
        }
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RateLimitConfig::NOTHING
                .rate(__resilience::Rate::new(100, __resilience::Duration::from_secs(1)))
                .burst(20),
            true,
        );
        &__RATE_LIMIT
    };
    __resilience::guard_layers(
        (__resilience::NeverWaits(__rate_limit),),
        async move {
            if false {
                return __resilience::never::<Result<Report, Error>>();
            }
            let day = day;
            { build(day).await }
        },
        |__result| (__resilience::undescribed, __resilience::called(__result)),
        |__result| {
            __resilience::finish::<
                Result<Report, Error>,
                _,
                _,
                _,
            >(__result, __resilience::FromRejection)
        },
    )
}
