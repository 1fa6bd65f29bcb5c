async fn prices(&self) -> io::Result<BoxStream<'_, Price>> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let (__operation, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "prices", ::core::line!(), [Fallback(& __FALLBACK),
            CircuitBreaker(& __BREAKER)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "Self::prices_of_yesterday",
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("prices"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        (&__OPERATION, &__BREAKER)
    };
    let __result = '__circuit_breaker: {
        let __permit = match __breaker.admit() {
            __resilience::Ok(__permit) => __permit,
            __resilience::Err(__refused) => {
                break '__circuit_breaker __resilience::rejected(__refused);
            }
        };
        let __result = __permit
            .watch(
                ::core::pin::pin!(async {
                    if false {
                        let _ = &self;
                        return __resilience::never::<io::Result<BoxStream<'_, Price>>>();
                    }
                    { self.client.subscribe().await }
                }),
            )
            .await;
        let __result = __resilience::called_stream(__result);
        match __result {
            __resilience::Ok(__head) => __resilience::Ok(__head.with_permit(__permit)),
            __result => {
                __resilience::settle_any(
                    __permit,
                    __resilience::error_of(&__result).describe_error(),
                    __result,
                )
            }
        }
    };
    let (__held, __result) = __resilience::apart(__result);
    let __items = __resilience::items_of(&__result);
    let __judge = __items.errors().describe_error();
    let __made = __resilience::NeverTimesOut;
    let __result = {
        '__fallback: {
            let (__describe, __result) = {
                let __result = __result;
                (__resilience::error_of(&__result).describe_error(), __result)
            };
            let __failure = match { __result } {
                __resilience::Ok(__value) => break '__fallback __resilience::Ok(__value),
                __resilience::Err(__failure) => __failure,
            };
            __operation.count_fallback(&__failure, __describe);
            let __answered = __resilience::Answer::<
                io::Result<BoxStream<'_, Price>>,
            >::by(
                    (self,),
                    __failure,
                    __resilience::FromRejection,
                    Self::prices_of_yesterday,
                )
                .await;
            __operation.fallback_ended(__answered, __describe)
        }
    };
    __resilience::guarded_box(__result, __held, __judge, __made)
}
