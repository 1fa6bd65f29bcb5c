async fn ask(
    mut self: Arc<Self>,
    #[cfg(feature = "lots")]
    lot: Lot,
) -> Result<Answer, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[circuit_breaker(__taken)]
    const _: () = ();
    let (__retry, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "ask", ::core::line!(), [Retry(& __RETRY), CircuitBreaker(&
            __BREAKER)]
        }
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING,
            false,
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("peer"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        (&__RETRY, &__BREAKER)
    };
    let __result = {
        #[cfg(feature = "lots")]
        let mut __lot_for_attempts = __resilience::Some(lot);
        let mut __run = __retry.get().start();
        loop {
            let __self_for_attempts = __resilience::keep(&self, __run.is_last_attempt());
            let __result = {
                #[cfg(feature = "lots")]
                let lot = __resilience::lend(
                    &mut __lot_for_attempts,
                    __run.is_last_attempt(),
                );
                let __result = '__circuit_breaker: {
                    let mut __key = __breaker.of_a_key();
                    let mut __permit = match __key.admit(&self.peer) {
                        __resilience::Ok(__permit) => __permit,
                        __resilience::Err(__refused) => {
                            break '__circuit_breaker __resilience::rejected(__refused);
                        }
                    };
                    let __result = __permit
                        .watch(
                            ::core::pin::pin!(
                                __resilience::in_attempt(
                                    __run.attempt(),
                                    async {
                                        if false {
                                            let __self = self;
                                            return __resilience::never::<Result<Answer, Error>>();
                                        }
                                        #[cfg(feature = "lots")]
                                        let lot = lot;
                                        { self.ask_once().await }
                                    },
                                ),
                            ),
                        )
                        .await;
                    let __result = __resilience::called(__result);
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
            self = __resilience::kept(__self_for_attempts);
        }
    };
    __resilience::finish::<
        Result<Answer, Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
