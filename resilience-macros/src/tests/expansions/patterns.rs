async fn count(
    mut self,
    __argument_1: Place,
    __argument_2: Lot,
    __argument_3: Rows,
    __argument_4: &mut (u8, u8),
    __argument_5: Day,
    __argument_6: Type,
) -> Result<u64, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[retry(__taken)]
    const _: () = ();
    #[fallback(__taken)]
    const _: () = ();
    let (__operation, __breaker, __retry) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "count", ::core::line!(), [Fallback(& __FALLBACK),
            CircuitBreaker(& __BREAKER), Retry(& __RETRY)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "counted",
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("stock"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING,
            false,
        );
        (&__OPERATION, &__BREAKER, &__RETRY)
    };
    let __self_for_fallback = __resilience::clone_argument(&self);
    let __argument_1_for_fallback = __resilience::clone_argument(&__argument_1);
    let __argument_2_for_fallback = __resilience::clone_argument(&__argument_2);
    let __argument_3_for_fallback = __resilience::clone_argument(&__argument_3);
    let __argument_6_for_fallback = __resilience::clone_argument(&__argument_6);
    let __result = '__circuit_breaker: {
        let __permit = match {
            let Place { shop, part } = &__argument_1;
            let _ = (&shop, &part);
            let lot = &__argument_2;
            let _ = (&lot);
            __breaker.keyed(&(&shop, &lot.id, &format!("{part}"))).try_acquire()
        } {
            __resilience::Ok(__permit) => __permit,
            __resilience::Err(__refused) => {
                break '__circuit_breaker __resilience::rejected(__refused);
            }
        };
        let __result = {
            let mut __argument_1_for_attempts = __resilience::Some(__argument_1);
            let mut __argument_2_for_attempts = __resilience::Some(__argument_2);
            let mut __argument_3_for_attempts = __resilience::Some(__argument_3);
            let mut __argument_6_for_attempts = __resilience::Some(__argument_6);
            let mut __run = __retry.get().start();
            loop {
                let __self_for_attempts = __resilience::keep(
                    &self,
                    __run.is_last_attempt(),
                );
                let __result = {
                    let __argument_1 = __resilience::lend(
                        &mut __argument_1_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __argument_2 = __resilience::lend(
                        &mut __argument_2_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __argument_3 = __resilience::lend(
                        &mut __argument_3_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __argument_6 = __resilience::lend(
                        &mut __argument_6_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __result = __permit
                        .watch(
                            ::core::pin::pin!(
                                __resilience::in_attempt(
                                    __run.attempt(),
                                    async {
                                        if false {
                                            let __self = self;
                                            return __resilience::never::<Result<u64, Error>>();
                                        }
                                        let __argument_1 = __argument_1;
                                        let Place { ref shop, mut part } = __argument_1;
                                        let _ = &shop;
                                        let _ = &part;
                                        let __argument_2 = __argument_2;
                                        let ref lot = __argument_2;
                                        let _ = &lot;
                                        let __argument_3 = __argument_3;
                                        let all @ Rows { .. } = __argument_3;
                                        let &mut (ref mut from, to) = &mut *__argument_4;
                                        let mut r#type = __argument_6;
                                        { self.ask(shop, part, lot, all, from, to, r#type).await }
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
                self = __resilience::kept(__self_for_attempts);
            }
        };
        __resilience::settle_any(
            __permit,
            __resilience::error_of(&__result).describe_error(),
            __result,
        )
    };
    '__fallback: {
        let (__describe, __result) = {
            let __result = __result;
            (__resilience::error_of(&__result).describe_error(), __result)
        };
        let __failure = match { __result } {
            __resilience::Ok(__value) => break '__fallback __resilience::Ok(__value),
            __resilience::Err(
                __failure,
            ) if !__resilience::is_among(
                &__failure,
                __resilience::Rejections::CIRCUIT_OPEN
                    .and(__resilience::Rejections::TIMED_OUT)
                    .and(__resilience::Rejections::BULKHEAD_FULL)
                    .and(__resilience::Rejections::RATE_LIMITED)
                    .and(__resilience::Rejections::UNSUCCESSFUL),
                Error::is_transient,
            ) => {
                break '__fallback __resilience::finish::<
                    Result<u64, Error>,
                    _,
                    _,
                    _,
                >(__resilience::Err(__failure), __resilience::FromRejection);
            }
            __resilience::Err(__failure) => __failure,
        };
        __operation.count_fallback(&__failure, __describe);
        let __answered = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
                (
                    __self_for_fallback,
                    __argument_1_for_fallback,
                    __argument_2_for_fallback,
                    __argument_3_for_fallback,
                    __argument_4,
                    __argument_5,
                    __argument_6_for_fallback,
                ),
                __failure,
                __resilience::FromRejection,
                counted,
            )
            .await;
        __operation.fallback_ended(__answered, __describe)
    }
}
