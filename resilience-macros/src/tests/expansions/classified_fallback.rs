async fn charge(order: Order) -> Result<Receipt, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[fallback(__taken)]
    const _: () = ();
    let (__operation, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "charge", ::core::line!(), [Fallback(& __FALLBACK),
            CircuitBreaker(& __BREAKER)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "queue",
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("payment"),
            __resilience::CircuitBreakerConfig::NOTHING,
            false,
        );
        (&__OPERATION, &__BREAKER)
    };
    let __order_for_fallback = __resilience::clone_argument(&order);
    let __classify = __resilience::Returned::<Result<Receipt, Error>>::by(judge);
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
                        return __resilience::never::<Result<Receipt, Error>>();
                    }
                    let order = order;
                    { gateway().charge(order).await }
                }),
            )
            .await;
        let __result = __resilience::called(__result);
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
    '__fallback: {
        let (__describe, __result) = {
            let __result = __result;
            (__resilience::error_of(&__result).describe_error(), __result)
        };
        let (__failure, __unsuccessful) = match __resilience::asked_about(
            __result,
            &__classify,
            true,
            || __operation.shown_name(),
        ) {
            __resilience::ControlFlow::Break(__result) => {
                break '__fallback __resilience::finish::<
                    Result<Receipt, Error>,
                    _,
                    _,
                    _,
                >(__result, __resilience::FromRejection);
            }
            __resilience::ControlFlow::Continue(
                (__failure, __unsuccessful),
            ) if !__resilience::is_among(
                &__failure,
                __resilience::Rejections::TIMED_OUT,
                Error::is_transient,
            ) => {
                break '__fallback __resilience::finish::<
                    Result<Receipt, Error>,
                    _,
                    _,
                    _,
                >(__unsuccessful.ok_or(__failure), __resilience::FromRejection);
            }
            __resilience::ControlFlow::Continue(__asked) => __asked,
        };
        __operation.count_fallback(&__failure, __describe);
        __resilience::or_unsuccessful(
            {
                let __answered = __resilience::Answer::<
                    Result<Receipt, Error>,
                >::by(
                        (__order_for_fallback,),
                        __failure,
                        __resilience::FromRejection,
                        queue,
                    )
                    .await;
                __operation.fallback_ended(__answered, __describe)
            },
            __unsuccessful,
        )
    }
}
