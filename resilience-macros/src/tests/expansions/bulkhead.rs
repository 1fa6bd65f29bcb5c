fn report(day: Day) -> impl ::core::future::Future<Output = Result<Report, Error>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __bulkhead = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "report", ::core::line!(), [Bulkhead(& __BULKHEAD)]
        }
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::validated(
                __resilience::BulkheadConfig::NOTHING
                    .max_concurrent(10)
                    .max_queue(QUEUE)
                    .max_wait(__resilience::Duration::from_millis(250)),
            ),
            true,
        );
        &__BULKHEAD
    };
    __resilience::guard_layers(
        (__bulkhead,),
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
