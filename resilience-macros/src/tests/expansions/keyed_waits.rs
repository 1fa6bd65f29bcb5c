async fn import(shop: &Shop, mut rows: u32) -> Result<(), ImportError> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[rate_limit(__taken)]
    const _: () = ();
    #[retry(__taken)]
    const _: () = ();
    let (__bulkhead, __rate_limit, __retry) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "import", ::core::line!(), [Bulkhead(& __BULKHEAD), RateLimit(&
            __RATE_LIMIT), Retry(& __RETRY)]
        }
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::Some("pool"),
            __resilience::BulkheadConfig::NOTHING,
            false,
        );
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RateLimitConfig::NOTHING
                .rate(__resilience::Rate::new(10, __resilience::Duration::from_secs(1)))
                .max_wait(__resilience::Duration::from_secs(1)),
            true,
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING.attempts(2),
            true,
        );
        (&__BULKHEAD, &__RATE_LIMIT, &__RETRY)
    };
    let __result = '__bulkhead: {
        let __place = match __resilience::AssertUnwindSafe({
                let shop = shop;
                __bulkhead.keyed(&shop).acquire()
            })
            .await
        {
            __resilience::Ok(__place) => __place,
            __resilience::Err(__rejection) => {
                break '__bulkhead __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
        };
        let __result = '__rate_limit: {
            if let __resilience::Err(__rejection) = __resilience::AssertUnwindSafe({
                    let rows = rows;
                    let __acquired = __rate_limit
                        .get()
                        .acquire_many(__resilience::cost(rows));
                    rows = rows;
                    __acquired
                })
                .await
            {
                break '__rate_limit __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
            let __result = {
                let mut __rows_for_attempts = __resilience::Some(rows);
                let mut __run = __retry.get().start();
                loop {
                    let __result = {
                        let mut rows = __resilience::lend(
                            &mut __rows_for_attempts,
                            __run.is_last_attempt(),
                        );
                        let __result = __place
                            .watch(
                                ::core::pin::pin!(
                                    __resilience::in_attempt(
                                        __run.attempt(),
                                        async {
                                            if false {
                                                return __resilience::never::<Result<(), ImportError>>();
                                            }
                                            let shop = shop;
                                            let _ = &shop;
                                            let rows = rows;
                                            let _ = &rows;
                                            { copy(shop, rows).await }
                                        },
                                    ),
                                ),
                            )
                            .await;
                        let __result = __resilience::called(__result);
                        __result
                    };
                    let __wait = match {
                        let __result = __result;
                        __resilience::tried(
                            &mut __run,
                            __resilience::error_of(&__result).describe_error(),
                            __result,
                            __resilience::None,
                        )
                    } {
                        __resilience::ControlFlow::Continue(__wait) => __wait,
                        __resilience::ControlFlow::Break(__result) => break __result,
                    };
                    __wait.await;
                }
            };
            __result
        };
        __result
    };
    __resilience::finish::<
        Result<(), ImportError>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
