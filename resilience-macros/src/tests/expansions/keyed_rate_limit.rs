async fn import(tenant: &str, mut batch: Batch) -> Result<(), ImportError> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[bulkhead(__taken)]
    const _: () = ();
    let (__rate_limit, __bulkhead) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "import", ::core::line!(), [RateLimit(& __RATE_LIMIT),
            Bulkhead(& __BULKHEAD)]
        }
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RateLimitConfig::NOTHING
                .rate(__resilience::Rate::new(100, __resilience::Duration::from_secs(1)))
                .max_wait(__resilience::Duration::from_secs(1)),
            true,
        );
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::NOTHING.max_concurrent(2),
            true,
        );
        (&__RATE_LIMIT, &__BULKHEAD)
    };
    let __result = '__rate_limit: {
        if let __resilience::Err(__rejection) = __resilience::AssertUnwindSafe({
                let tenant = tenant;
                let batch = batch;
                let __acquired = __rate_limit
                    .keyed(&(&tenant, &batch.kind))
                    .acquire_many(__resilience::cost(batch.rows));
                batch = batch;
                __acquired
            })
            .await
        {
            break '__rate_limit __resilience::Err(
                __resilience::Failure::Rejected(__rejection),
            );
        }
        let __result = '__bulkhead: {
            let __place = match {
                let tenant = tenant;
                __bulkhead.keyed(&tenant).try_acquire()
            } {
                __resilience::Ok(__place) => __place,
                __resilience::Err(__rejection) => {
                    break '__bulkhead __resilience::Err(
                        __resilience::Failure::Rejected(__rejection),
                    );
                }
            };
            let __result = async move {
                if false {
                    return __resilience::never::<Result<(), ImportError>>();
                }
                let tenant = tenant;
                let _ = &tenant;
                let _ = &tenant;
                let batch = batch;
                let _ = &batch;
                let _ = &batch;
                { copy(tenant, batch).await }
            }
                .await;
            let __result = __resilience::called(__result);
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
