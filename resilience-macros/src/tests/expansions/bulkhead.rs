#[cfg(not(doc))]
fn report(day: Day) -> impl ::core::future::Future<Output = Result<Report, Error>> {
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
    __resilience::guard_layers(
        __resilience::placed(
            __bulkhead,
            __resilience::body(async move {
                if let __resilience::Some(__result) = __resilience::None::<
                    Result<Report, Error>,
                > {
                    return __result;
                }
                let day = day;
                { build(day).await }
            }),
        ),
        |__result| {
            let __result = __resilience::answered(__result);
            __resilience::finish::<
                Result<Report, Error>,
                _,
                _,
                _,
            >(__result, __resilience::FromRejection)
        },
    )
}
