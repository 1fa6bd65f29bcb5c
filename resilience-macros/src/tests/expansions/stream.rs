async fn prices(
    &self,
    of: &str,
) -> Result<impl Stream<Item = Result<Price, FeedError>> + use<'_>, FeedError> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[circuit_breaker(__taken)]
    const _: () = ();
    #[bulkhead(__taken)]
    const _: () = ();
    #[timeout(__taken)]
    const _: () = ();
    let (__retry, __breaker, __bulkhead, __attempt_timeout) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "prices", ::core::line!(), [Retry(& __RETRY), CircuitBreaker(&
            __BREAKER), Bulkhead(& __BULKHEAD), Timeout(& __ATTEMPT_TIMEOUT)]
        }
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING,
            false,
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("prices"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::NOTHING.max_concurrent(10),
            true,
        );
        static __ATTEMPT_TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::NOTHING
                .after(__resilience::Duration::from_secs(2))
                .between(__resilience::Duration::from_secs(10)),
            true,
        );
        (&__RETRY, &__BREAKER, &__BULKHEAD, &__ATTEMPT_TIMEOUT)
    };
    let __classify = __resilience::Returned::<
        Result<_, FeedError>,
    >::of_head_by(judge_head);
    let __result = {
        let mut __run = __retry.get().start();
        loop {
            let __result = '__circuit_breaker: {
                let __permit = match __breaker.admit() {
                    __resilience::Ok(__permit) => __permit,
                    __resilience::Err(__refused) => {
                        break '__circuit_breaker __resilience::rejected(__refused);
                    }
                };
                let __result = '__bulkhead: {
                    let __place = match __bulkhead.get().try_acquire() {
                        __resilience::Ok(__place) => __place,
                        __resilience::Err(__rejection) => {
                            break '__bulkhead __resilience::Err(
                                __resilience::Failure::Rejected(__rejection),
                            );
                        }
                    };
                    let __result = {
                        let __timed = __attempt_timeout
                            .get()
                            .run(
                                ::core::pin::pin!(
                                    __permit
                                        .watch(
                                            ::core::pin::pin!(
                                                __resilience::in_attempt(
                                                    __run.attempt(),
                                                    async {
                                                        if false {
                                                            let _ = &self;
                                                            return __resilience::never::<Result<_, FeedError>>();
                                                        }
                                                        let of = of;
                                                        { self.client.subscribe(of).await }
                                                    },
                                                ),
                                            ),
                                        ),
                                ),
                            )
                            .await;
                        match __timed {
                            __resilience::Ok(__result) => {
                                __resilience::called_stream(__result)
                            }
                            __resilience::Err(__rejection) => {
                                __resilience::Err(
                                    __resilience::Failure::Rejected(__rejection),
                                )
                            }
                        }
                    };
                    let __result = __result
                        .map(|__head| __head.with_timeout(__attempt_timeout.get()));
                    let __result = __result.map(|__head| __head.with_place(__place));
                    __result
                };
                let __verdict = __resilience::verdict_of_head(&__result, &__classify);
                match __result {
                    __resilience::Ok(__head) => {
                        __resilience::Ok(__head.with_judged_permit(__permit, __verdict))
                    }
                    __result => {
                        __resilience::settle_classified(
                            __permit,
                            __resilience::error_of(&__result).describe_error(),
                            __result,
                            &__classify,
                            false,
                            __resilience::every,
                            __resilience::nothing,
                        )
                    }
                }
            };
            let __wait = match {
                let __result = __result;
                __run
                    .after_classified(
                        (__resilience::error_of(&__result).describe_error(), false),
                        __result,
                        &__classify,
                        false,
                        __resilience::every,
                        __resilience::no_retry_after,
                        __resilience::no_hook,
                        |__wait| __breaker.is_shut_after(__wait),
                    )
            } {
                __resilience::ControlFlow::Continue(__wait) => __wait,
                __resilience::ControlFlow::Break(__result) => break __result,
            };
            __wait.await;
        }
    };
    let (__held, __result) = __resilience::apart(__result);
    let __items = __resilience::known_items_of::<
        Result<Price, FeedError>,
        _,
        _,
    >(&__result);
    let __judge = __resilience::classified_items(
        &__items,
        __items.errors().describe_error(),
        |item| judge(item),
    );
    let __made = __resilience::times_out(&__items, __resilience::FromRejection);
    let __result = {
        __resilience::finish::<
            Result<_, FeedError>,
            _,
            _,
            _,
        >(__result, __resilience::FromRejection)
    };
    __resilience::guarded_stream(__result, __held, __judge, __made)
}
