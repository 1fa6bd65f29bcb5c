#[tracing::instrument(skip(self))]
async fn charge(
    &self,
    order: Order,
    __argument_2: Token,
) -> Result<Receipt, PaymentError> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let order = order;
    let (__operation, __breaker) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "charge", ::core::line!(), [Fallback(& __FALLBACK),
            CircuitBreaker(& __BREAKER)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "Self::queue",
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
    let __argument_2_for_fallback = __resilience::clone_argument(&__argument_2);
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
                        return __resilience::never::<Result<Receipt, PaymentError>>();
                    }
                    let order = order;
                    let __argument_2 = __argument_2;
                    let Token(token) = __argument_2;
                    { self.gateway.charge(order, token).await }
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
            Result<Receipt, PaymentError>,
        >::by(
                (self, __order_for_fallback, __argument_2_for_fallback),
                __failure,
                __resilience::FromRejection,
                Self::queue,
            )
            .await;
        __operation.fallback_ended(__answered, __describe)
    }
}
