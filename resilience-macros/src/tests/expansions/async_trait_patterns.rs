fn charge<'life0, 'async_trait>(
    &'life0 mut self,
    __argument_1: (Shop, u8),
    mut to: To,
) -> ::core::pin::Pin<
    Box<
        dyn ::core::future::Future<
            Output = Result<Receipt, PaymentError>,
        > + ::core::marker::Send + 'async_trait,
    >,
>
where
    'life0: 'async_trait,
    Self: 'async_trait,
{
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    Box::pin(async move {
        let __breaker = {
            ::resilience_runtime::private::lone_breaker! {
                __BREAKER = "charge", ::core::line!(), __resilience::Some("payment"),
                __resilience::CircuitBreakerConfig::NOTHING, false
            }
            &__BREAKER
        };
        let __result = '__circuit_breaker: {
            let mut __key = __breaker.of_a_key();
            let mut __permit = match {
                let (shop, cents) = &__argument_1;
                let _ = (&shop, &cents);
                let to = to;
                let __acquired = __key.admit(&(&shop, &to, &low(7)));
                to = to;
                __acquired
            } {
                __resilience::Ok(__permit) => __permit,
                __resilience::Err(__refused) => {
                    break '__circuit_breaker __resilience::rejected(__refused);
                }
            };
            let __result = __permit
                .watch(
                    ::core::pin::pin!(async move {
                        if false {
                            let _ = &self;
                            return __resilience::never::<
                                Result<Receipt, PaymentError>,
                            >();
                        }
                        let __arg1 = __argument_1;
                        let to = to;
                        let _ = &to;
                        {
                            let __self = self;
                            let (ref shop, mut cents) = {
                                let __arg1 = __arg1;
                                __arg1
                            };
                            let to = to;
                            let (low, high) = { to };
                            let __ret: Result<Receipt, PaymentError> = {
                                __self.gateway.charge(shop, cents, low, high).await
                            };
                            __ret
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
        __resilience::finish::<
            Result<Receipt, PaymentError>,
            _,
            _,
            _,
        >(__result, __resilience::FromRejection)
    })
}
