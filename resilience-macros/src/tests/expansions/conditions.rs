async fn count(
    shop: Shop,
    #[cfg(any(not(feature = "lots"), unix))]
    lot: &mut Lot,
    #[cfg(unix)]
    #[cfg(feature = "days")]
    day: Day,
) -> Result<u64, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[fallback(__taken)]
    const _: () = ();
    let (__operation, __retry) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "count", ::core::line!(), [Fallback(& __FALLBACK), Retry(&
            __RETRY)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "first, second",
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING.attempts(2),
            true,
        );
        (&__OPERATION, &__RETRY)
    };
    let __shop_for_fallback = __resilience::clone_argument(&shop);
    #[cfg(unix)]
    #[cfg(feature = "days")]
    let __day_for_fallback = __resilience::clone_argument(&day);
    let __result = {
        let mut __shop_for_attempts = __resilience::Some(shop);
        #[cfg(unix)]
        #[cfg(feature = "days")]
        let mut __day_for_attempts = __resilience::Some(day);
        let mut __run = __retry.get().start();
        loop {
            let __result = {
                let shop = __resilience::lend(
                    &mut __shop_for_attempts,
                    __run.is_last_attempt(),
                );
                #[cfg(unix)]
                #[cfg(feature = "days")]
                let day = __resilience::lend(
                    &mut __day_for_attempts,
                    __run.is_last_attempt(),
                );
                let __result = __resilience::in_attempt(
                        __run.attempt(),
                        async {
                            if false {
                                return __resilience::never::<Result<u64, Error>>();
                            }
                            #[allow(unused)]
                            let shop = shop;
                            #[cfg_attr(feature = "lots", allow(unused), cfg(unix))]
                            let lot = &mut *lot;
                            #[cfg(unix)]
                            #[cfg(feature = "days")]
                            let day = day;
                            { ask(shop).await }
                        },
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
                __resilience::Rejections::TIMED_OUT,
                __resilience::nothing,
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
        #[cfg(
            all(not(any(not(feature = "lots"), unix)), not(all(unix, feature = "days")))
        )]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
            (__resilience::clone_argument(&__shop_for_fallback),),
            __failure,
            __resilience::FromRejection,
            first,
        );
        #[cfg(all(not(any(not(feature = "lots"), unix)), unix, feature = "days"))]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
            (
                __resilience::clone_argument(&__shop_for_fallback),
                __resilience::clone_argument(&__day_for_fallback),
            ),
            __failure,
            __resilience::FromRejection,
            first,
        );
        #[cfg(all(any(not(feature = "lots"), unix), not(all(unix, feature = "days"))))]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
            (__resilience::clone_argument(&__shop_for_fallback), &mut *lot),
            __failure,
            __resilience::FromRejection,
            first,
        );
        #[cfg(all(any(not(feature = "lots"), unix), unix, feature = "days"))]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
            (
                __resilience::clone_argument(&__shop_for_fallback),
                &mut *lot,
                __resilience::clone_argument(&__day_for_fallback),
            ),
            __failure,
            __resilience::FromRejection,
            first,
        );
        let __failure = match __resilience::called(__answer.await) {
            __resilience::Ok(__value) => {
                __operation.fallback_answered();
                break '__fallback __resilience::Ok(__value);
            }
            __resilience::Err(__failure) => __failure,
        };
        #[cfg(
            all(not(any(not(feature = "lots"), unix)), not(all(unix, feature = "days")))
        )]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by((__shop_for_fallback,), __failure, __resilience::NoRejection, second);
        #[cfg(all(not(any(not(feature = "lots"), unix)), unix, feature = "days"))]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
            (__shop_for_fallback, __day_for_fallback),
            __failure,
            __resilience::NoRejection,
            second,
        );
        #[cfg(all(any(not(feature = "lots"), unix), not(all(unix, feature = "days"))))]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by((__shop_for_fallback, lot), __failure, __resilience::NoRejection, second);
        #[cfg(all(any(not(feature = "lots"), unix), unix, feature = "days"))]
        let __answer = __resilience::Answer::<
            Result<u64, Error>,
        >::by(
            (__shop_for_fallback, lot, __day_for_fallback),
            __failure,
            __resilience::NoRejection,
            second,
        );
        let __answered = __answer.await;
        __operation.fallback_ended(__answered, __describe)
    }
}
