async fn report(day: Day) -> Result<Report, Error> {
    use ::resilience_runtime::private as __resilience;
    let __bulkhead = {
        #[::resilience_runtime::private::linkme::distributed_slice(
            ::resilience_runtime::private::OPERATIONS
        )]
        #[linkme(crate = ::resilience_runtime::private::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            ::core::module_path!(),
            "report",
            ::core::file!(),
            ::core::line!(),
            &[__resilience::Layer::Bulkhead(&__BULKHEAD)],
        );
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::validated(
                __resilience::BulkheadConfig::new()
                    .max_concurrent(10)
                    .max_queue(QUEUE)
                    .max_wait(__resilience::Duration::from_millis(250)),
            ),
            true,
        );
        &__BULKHEAD
    };
    let __result = '__bulkhead: {
        let __place = match __resilience::AssertUnwindSafe(__bulkhead.get().acquire())
            .await
        {
            __resilience::Ok(__place) => __place,
            __resilience::Err(__rejection) => {
                break '__bulkhead __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
        };
        let __result = __place
            .watch(
                ::core::pin::pin!(async move {
                    if let __resilience::Some(__result) = __resilience::None::<
                        Result<Report, Error>,
                    > {
                        return __result;
                    }
                    let day = day;
                    { build(day).await }
                }),
            )
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
