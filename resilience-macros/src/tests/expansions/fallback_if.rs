async fn report(day: Day) -> Result<Report, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[timeout(__taken)]
    const _: () = ();
    let (__operation, __timeout) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "report", ::core::line!(), [Fallback(& __FALLBACK), Timeout(&
            __TIMEOUT)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "no report",
        );
        static __TIMEOUT: __resilience::TimeoutSite = __resilience::TimeoutSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::TimeoutConfig::NOTHING
                .after(__resilience::Duration::from_secs(2)),
            true,
        );
        (&__OPERATION, &__TIMEOUT)
    };
    let __day_for_fallback = __resilience::clone_argument(&day);
    let __result = {
        let __timed = __timeout
            .get()
            .run(
                ::core::pin::pin!(async {
                    if false {
                        return __resilience::never::<Result<Report, Error>>();
                    }
                    let day = day;
                    { build(day).await }
                }),
            )
            .await;
        match __timed {
            __resilience::Ok(__result) => __resilience::called(__result),
            __resilience::Err(__rejection) => {
                __resilience::Err(__resilience::Failure::Rejected(__rejection))
            }
        }
    };
    let __map_rejection = __resilience::map_with(
        &__result,
        |rejection| Error::from(rejection),
    );
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
                |error: &Error| error.is_transient(),
            ) => {
                break '__fallback __resilience::finish::<
                    Result<Report, Error>,
                    _,
                    _,
                    _,
                >(__resilience::Err(__failure), __map_rejection);
            }
            __resilience::Err(__failure) => __failure,
        };
        __operation.count_fallback(&__failure, __describe);
        let __answered = __resilience::Answer::<
            Result<Report, Error>,
        >::of(
                __resilience::apply2(
                    |day, error: Error| Ok(Report::none(day, error)),
                    __day_for_fallback,
                    __resilience::error_as(__failure, __map_rejection),
                ),
            )
            .await;
        __operation.fallback_ended(__answered, __describe)
    }
}
