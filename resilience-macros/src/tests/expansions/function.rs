/// Charges the customer.
pub async fn charge(order: &Order) -> Result<Receipt, PaymentError> {
    use ::resilience_runtime::private as __resilience;
    let __breaker = {
        #[::resilience_runtime::private::linkme::distributed_slice(
            ::resilience_runtime::private::OPERATIONS
        )]
        #[linkme(crate = ::resilience_runtime::private::linkme)]
        static __OPERATION: __resilience::Operation = __resilience::Operation::new(
            ::core::module_path!(),
            "charge",
            ::core::file!(),
            ::core::line!(),
            &[__resilience::Layer::CircuitBreaker(&__BREAKER)],
        );
        static __BREAKER: __resilience::BreakerSite = __resilience::BreakerSite::new(
            &__OPERATION,
            __resilience::Some("payment"),
            __resilience::CircuitBreakerConfig::new()
                .failure_rate(50.0)
                .window(
                    __resilience::Window::Time(__resilience::Duration::from_secs(10)),
                )
                .open_for(__resilience::Duration::from_secs(30)),
            true,
        );
        &__BREAKER
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
                ::core::pin::pin!(async move {
                    if let __resilience::Some(__result) = __resilience::None::<
                        Result<Receipt, PaymentError>,
                    > {
                        return __result;
                    }
                    let order = order;
                    {
                        let receipt = gateway().charge(order).await?;
                        Ok(receipt)
                    }
                }),
            )
            .await;
        let __result = __resilience::called(__result);
        __resilience::settle(
            __permit,
            __result,
            |error| error.is_transient(),
            __resilience::nothing,
        )
    };
    __resilience::finish::<
        Result<Receipt, PaymentError>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
