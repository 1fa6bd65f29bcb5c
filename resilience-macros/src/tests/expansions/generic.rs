async fn first<'a, T: Row + 'a>(
    rows: impl Source<T>,
) -> Result<impl Iterator<Item = &'a T>, Error>
where
    T: Clone,
{
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __breaker = {
        ::resilience_runtime::private::lone_breaker! {
            __BREAKER = "first", ::core::line!(), __resilience::None,
            __resilience::CircuitBreakerConfig::validated(__resilience::CircuitBreakerConfig::NOTHING
            .failure_rate(__resilience::Constant(RATE).number())
            .window(__resilience::Constant(WINDOW).window()).slow_call(SLOW)
            .slow_call_rate(80.0).has_trip_if(true)), true.trip_if(| counts | counts.slow
            > 5, "| counts | counts . slow > 5")
        }
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
                    if false {
                        return __resilience::never::<Result<_, Error>>();
                    }
                    let rows = rows;
                    { rows.read().await }
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
        Result<_, Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
