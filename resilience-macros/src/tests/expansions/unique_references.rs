async fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[circuit_breaker(__taken)]
    const _: () = ();
    let (__operation, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "fill", ::core::line!(), [Fallback(& __FALLBACK),
            CircuitBreaker(& __BREAKER)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "closure",
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("disk"),
            __resilience::CircuitBreakerConfig::NOTHING.minimum_calls(5),
            true,
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
                        let _ = &mut *self;
                        return __resilience::never::<io::Result<usize>>();
                    }
                    let mut buffer = &mut *buffer;
                    {
                        fn twice(&self) -> usize {
                            self.0 * 2
                        }
                        self.filled += 1;
                        buffer = &mut buffer[1..];
                        self.read(buffer).await
                    }
                }),
            )
            .await;
        let __result = __resilience::called(__result);
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
            __resilience::Err(__failure) => __failure,
        };
        __operation.count_fallback(&__failure, __describe);
        let __answered = __resilience::Answer::<
            io::Result<usize>,
        >::of(
                __resilience::apply3(
                    |this, buffer, failure| this.refill(buffer, failure),
                    self,
                    buffer,
                    __failure,
                ),
            )
            .await;
        __operation.fallback_ended(__answered, __describe)
    }
}
