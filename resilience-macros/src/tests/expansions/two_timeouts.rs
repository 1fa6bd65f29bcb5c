async fn fill(&mut self, buffer: &mut [u8], name: String) -> Result<usize, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[retry(__taken)]
    const _: () = ();
    #[circuit_breaker(__taken)]
    const _: () = ();
    #[timeout(__taken)]
    const _: () = ();
    #[rate_limit(__taken)]
    const _: () = ();
    let (__timeout, __retry, __breaker, __attempt_timeout, __rate_limit) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "fill", ::core::line!(), [Timeout(& __TIMEOUT), Retry(&
            __RETRY), CircuitBreaker(& __BREAKER), Timeout(& __ATTEMPT_TIMEOUT),
            RateLimit(& __RATE_LIMIT)]
        }
        static __TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::NOTHING
                .after(__resilience::Duration::from_secs(10)),
            true,
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING,
            false,
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("disk"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        static __ATTEMPT_TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::NOTHING
                .after(__resilience::Duration::from_secs(1)),
            true,
        );
        static __RATE_LIMIT: __resilience::RateLimitSite = __resilience::RateLimitSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RateLimitConfig::NOTHING
                .rate(__resilience::Rate::new(5, __resilience::Duration::from_secs(60)))
                .max_wait(__resilience::Duration::from_secs(1)),
            true,
        );
        (&__TIMEOUT, &__RETRY, &__BREAKER, &__ATTEMPT_TIMEOUT, &__RATE_LIMIT)
    };
    let __result = {
        let __timed = __timeout
            .get()
            .run(
                ::core::pin::pin!(async {
                    let __result = {
                        let mut __name_for_attempts = __resilience::Some(name);
                        let mut __run = __retry.get().start();
                        loop {
                            let __result = {
                                let name = __resilience::lend(
                                    &mut __name_for_attempts,
                                    __run.is_last_attempt(),
                                );
                                let __result = '__circuit_breaker: {
                                    let __permit = match __breaker
                                        .keyed(&self.disk)
                                        .try_acquire()
                                    {
                                        __resilience::Ok(__permit) => __permit,
                                        __resilience::Err(__refused) => {
                                            break '__circuit_breaker __resilience::rejected(__refused);
                                        }
                                    };
                                    let __result = {
                                        let __timed = __attempt_timeout
                                            .get()
                                            .run(
                                                ::core::pin::pin!(async {
                                                    let __result = '__rate_limit: {
                                                        if let __resilience::Err(__rejection) = __resilience::AssertUnwindSafe(
                                                                __rate_limit.get().acquire(),
                                                            )
                                                            .await
                                                        {
                                                            break '__rate_limit __resilience::Err(
                                                                __resilience::Failure::Rejected(__rejection),
                                                            );
                                                        }
                                                        let __result = __permit
                                                            .watch(
                                                                ::core::pin::pin!(
                                                                    __resilience::in_attempt(
                                                                        __run.attempt(),
                                                                        async {
                                                                            if false {
                                                                                let _ = &mut *self;
                                                                                return __resilience::never::<Result<usize, Error>>();
                                                                            }
                                                                            let mut buffer = &mut *buffer;
                                                                            let name = name;
                                                                            {
                                                                                buffer = &mut buffer[1..];
                                                                                self.read(buffer, name).await
                                                                            }
                                                                        },
                                                                    ),
                                                                ),
                                                            )
                                                            .await;
                                                        let __result = __resilience::called(__result);
                                                        __result
                                                    };
                                                    __result
                                                }),
                                            )
                                            .await;
                                        match __timed {
                                            __resilience::Ok(__result) => __result,
                                            __resilience::Err(__rejection) => {
                                                __resilience::Err(
                                                    __resilience::Failure::Rejected(__rejection),
                                                )
                                            }
                                        }
                                    };
                                    __resilience::settle_any(
                                        __permit,
                                        __resilience::error_of(&__result).describe_error(),
                                        __result,
                                    )
                                };
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
                }),
            )
            .await;
        match __timed {
            __resilience::Ok(__result) => __result,
            __resilience::Err(__rejection) => {
                __resilience::Err(__resilience::Failure::Rejected(__rejection))
            }
        }
    };
    __resilience::finish::<
        Result<usize, Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
