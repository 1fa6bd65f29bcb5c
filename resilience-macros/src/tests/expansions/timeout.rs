async fn report(day: Day) -> Result<Report, Error> {
    use ::resilience_runtime::private as __resilience;
    let __timeout = {
        #[__resilience::linkme::distributed_slice(__resilience::OPERATIONS)]
        #[linkme(crate = __resilience::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            __resilience::module_path!(),
            "report",
            __resilience::file!(),
            __resilience::line!(),
            &[__resilience::Layer::Timeout(&__TIMEOUT)],
        );
        static __TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::Some("report"),
            __resilience::TimeoutConfig::new()
                .after(__resilience::Duration::from_secs(2)),
            true,
        );
        &__TIMEOUT
    };
    let __result = {
        let __timed = __timeout
            .get()
            .run(
                __resilience::pin!(async move {
                    if let __resilience::Some(__result) = __resilience::None::<
                        Result<Report, Error>,
                    > {
                        return __result;
                    }
                    { build(day).await }
                }),
            )
            .await;
        match __timed {
            __resilience::Ok(__result) => __resilience::called(__result),
            __resilience::Err(__rejection) => {
                __resilience::Err(__resilience::Failure::Rejected(__rejection))
            }
        }
    };
    __resilience::finish::<
        Result<Report, Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
