#[cfg(not(doc))]
fn report(day: Day) -> impl ::core::future::Future<Output = Result<Report, Error>> {
    use ::resilience_runtime::private as __resilience;
    let __timeout = {
        #[::resilience_runtime::private::linkme::distributed_slice(
            ::resilience_runtime::private::OPERATIONS
        )]
        #[linkme(crate = ::resilience_runtime::private::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            ::core::module_path!(),
            "report",
            ::core::file!(),
            ::core::line!(),
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
    __resilience::guard_layers(
        __resilience::within(
            __timeout,
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
