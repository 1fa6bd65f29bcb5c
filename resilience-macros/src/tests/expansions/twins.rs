fn report(
    self,
    day: Day,
    hour: Hour,
    __argument_3: Day,
) -> impl ::core::future::Future<Output = Result<Report, Error>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __timeout = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "report", ::core::line!(), [Timeout(& __TIMEOUT)]
        }
        static __TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::NOTHING
                .after(__resilience::Duration::from_secs(2)),
            true,
        );
        &__TIMEOUT
    };
    __resilience::guard_layers(
        (__timeout,),
        async move {
            if false {
                let _ = &self;
                return __resilience::never::<Result<Report, Error>>();
            }
            let day = day;
            let hour = hour;
            let mut day = __argument_3;
            { build(self, day, hour).await }
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
