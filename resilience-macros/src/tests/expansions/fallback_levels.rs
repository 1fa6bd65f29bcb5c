async fn stock(&mut self, article: Article) -> Result<u64, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[fallback(__taken)]
    const _: () = ();
    let (__operation, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "stock", ::core::line!(), [Fallback(& __FALLBACK),
            CircuitBreaker(& __BREAKER)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "Self::cached, closure",
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("stock"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        (&__OPERATION, &__BREAKER)
    };
    let __article_for_fallback = __resilience::clone_argument(&article);
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
                        return __resilience::never::<Result<u64, Error>>();
                    }
                    let article = article;
                    { self.shelf.count(article).await }
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
    let __map_rejection = __resilience::map_with(&__result, Error::rejected);
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
                    .and(__resilience::Rejections::TIMED_OUT),
                |error: &Error| error.is_transient(),
            ) => {
                break '__fallback __resilience::finish::<
                    Result<u64, Error>,
                    _,
                    _,
                    _,
                >(__resilience::Err(__failure), __map_rejection);
            }
            __resilience::Err(__failure) => __failure,
        };
        __operation.count_fallback(&__failure, __describe);
        let __failure = match __resilience::called(
            __resilience::Answer::<
                Result<u64, Error>,
            >::by(
                    (&mut *self, __resilience::clone_argument(&__article_for_fallback)),
                    __failure,
                    __map_rejection,
                    Self::cached,
                )
                .await,
        ) {
            __resilience::Ok(__value) => {
                __operation.fallback_answered();
                break '__fallback __resilience::Ok(__value);
            }
            __resilience::Err(__failure) => __failure,
        };
        let __answered = __resilience::Answer::<
            Result<u64, Error>,
        >::of(
                __resilience::apply3(
                    |_, _, error: Error| Ok(0),
                    self,
                    __article_for_fallback,
                    __resilience::error_as(__failure, __resilience::NoRejection),
                ),
            )
            .await;
        __operation.fallback_ended(__answered, __describe)
    }
}
