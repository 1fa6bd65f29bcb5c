async fn report(day: Day) -> Result<Report, Error> {
    use ::resilience_runtime::private as __resilience;
    let __bulkhead = {
        #[__resilience::linkme::distributed_slice(__resilience::OPERATIONS)]
        #[linkme(crate = __resilience::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            __resilience::module_path!(),
            "report",
            __resilience::file!(),
            __resilience::line!(),
            &[__resilience::Layer::Bulkhead(&__BULKHEAD)],
        );
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::validated(
                __resilience::BulkheadConfig::new()
                    .max_concurrent(10)
                    .max_queue(QUEUE)
                    .queue_timeout(__resilience::Duration::from_millis(250)),
            ),
            true,
        );
        &__BULKHEAD
    };
    let __result = '__bulkhead: {
        let __place = match __bulkhead.get().acquire().await {
            __resilience::Ok(__place) => __place,
            __resilience::Err(__rejection) => {
                break '__bulkhead __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
        };
        let __result = async move {
            if let __resilience::Some(__result) = __resilience::None::<
                Result<Report, Error>,
            > {
                return __result;
            }
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
