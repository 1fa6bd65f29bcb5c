async fn recommend(
    user: &User,
    #[cfg(feature = "regions")]
    region: Region,
) -> Result<Vec<Item>, Error> {
    #![allow(unused)]
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __operation = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "recommend", ::core::line!(), [Fallback(& __FALLBACK)]
        }
        static __FALLBACK: __resilience::FallbackSite = __resilience::FallbackSite::new(
            "popular",
        );
        &__OPERATION
    };
    #[cfg(feature = "regions")]
    let __region_for_fallback = __resilience::clone_argument(&region);
    let __result = async {
        if false {
            return __resilience::never::<Result<Vec<Item>, Error>>();
        }
        let user = user;
        #[cfg(feature = "regions")]
        let region = region;
        { ask(user).await }
    }
        .await;
    let __result = __resilience::called(__result);
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
        #[cfg(not(feature = "regions"))]
        let __answer = __resilience::Answer::<
            Result<Vec<Item>, Error>,
        >::by((user,), __failure, __resilience::FromRejection, popular);
        #[cfg(feature = "regions")]
        let __answer = __resilience::Answer::<
            Result<Vec<Item>, Error>,
        >::by(
            (user, __region_for_fallback),
            __failure,
            __resilience::FromRejection,
            popular,
        );
        let __answered = __answer.await;
        __operation.fallback_ended(__answered, __describe)
    }
}
