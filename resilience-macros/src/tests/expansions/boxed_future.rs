fn ask(&self, question: Question) -> BoxFuture<'_, Result<Answer, Error>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[circuit_breaker(__taken)]
    const _: () = ();
    #[timeout(__taken)]
    const _: () = ();
    Box::pin(async move {
        let (__retry, __breaker, __attempt_timeout) = {
            ::resilience_runtime::private::operation! {
                __OPERATION = "ask", ::core::line!(), [Retry(& __RETRY), CircuitBreaker(&
                __BREAKER), Timeout(& __ATTEMPT_TIMEOUT)]
            }
            static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
                &__OPERATION,
                __resilience::None,
                __resilience::RetryConfig::NOTHING
                    .attempts(2)
                    .delay(__resilience::Duration::from_secs(1)),
                true,
            );
            static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
                &__OPERATION,
                __resilience::None,
                __resilience::CircuitBreakerConfig::NOTHING
                    .window(__resilience::Window::None)
                    .consecutive_failures(3),
                true,
            );
            static __ATTEMPT_TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
                &__OPERATION,
                __resilience::None,
                __resilience::TimeoutConfig::validated(
                    __resilience::TimeoutConfig::NOTHING.after(AFTER),
                ),
                true,
            );
            (&__RETRY, &__BREAKER, &__ATTEMPT_TIMEOUT)
        };
        let __classify = __resilience::Returned::<Result<Answer, Error>>::by(judge);
        let __result = {
            let mut __question_for_attempts = __resilience::Some(question);
            let mut __run = __retry.get().start();
            loop {
                let __result = {
                    let question = __resilience::lend(
                        &mut __question_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __result = '__circuit_breaker: {
                        let __permit = match __breaker.admit() {
                            __resilience::Ok(__permit) => __permit,
                            __resilience::Err(__refused) => {
                                break '__circuit_breaker __resilience::rejected(__refused);
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
                                                                return __resilience::never::<Result<Answer, Error>>();
                                                            }
                                                            let question = question;
                                                            { self.client.ask(question).await }
                                                        },
                                                    ),
                                                ),
                                            ),
                                    ),
                                )
                                .await;
                            match __timed {
                                __resilience::Ok(__result) => __resilience::called(__result),
                                __resilience::Err(__rejection) => {
                                    __resilience::Err(
                                        __resilience::Failure::Rejected(__rejection),
                                    )
                                }
                            }
                        };
                        __resilience::settle_classified(
                            __permit,
                            __resilience::error_of(&__result).describe_error(),
                            __result,
                            &__classify,
                            false,
                            __resilience::every,
                            __resilience::nothing,
                        )
                    };
                    __result
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
        __resilience::finish::<
            Result<Answer, Error>,
            _,
            _,
            _,
        >(__result, __resilience::FromRejection)
    })
}
