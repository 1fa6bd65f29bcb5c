#[tracing::instrument(fields(id))]
async fn ask(
    &mut self,
    mut id: Id,
    __argument_2: Place,
    __secret: u8,
) -> Result<Answer, Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    #[retry(__taken)]
    const _: () = ();
    let mut id = id;
    let __argument_3 = __secret;
    let (__bulkhead, __retry) = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "ask", ::core::line!(), [Bulkhead(& __BULKHEAD), Retry(&
            __RETRY)]
        }
        static __BULKHEAD: __resilience::BulkheadSite = __resilience::BulkheadSite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::BulkheadConfig::NOTHING.max_concurrent(3),
            true,
        );
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::NOTHING,
            false,
        );
        (&__BULKHEAD, &__RETRY)
    };
    let __result = '__bulkhead: {
        let __place = match {
            let id = id;
            let Place(place) = &__argument_2;
            let _ = (&place);
            let __acquired = __bulkhead.keyed(&(&id, &place)).try_acquire();
            id = id;
            __acquired
        } {
            __resilience::Ok(__place) => __place,
            __resilience::Err(__rejection) => {
                break '__bulkhead __resilience::Err(
                    __resilience::Failure::Rejected(__rejection),
                );
            }
        };
        let __result = {
            let mut __id_for_attempts = __resilience::Some(id);
            let mut __argument_2_for_attempts = __resilience::Some(__argument_2);
            let mut __argument_3_for_attempts = __resilience::Some(__argument_3);
            let mut __run = __retry.get().start();
            loop {
                let __result = {
                    let mut id = __resilience::lend(
                        &mut __id_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __argument_2 = __resilience::lend(
                        &mut __argument_2_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __argument_3 = __resilience::lend(
                        &mut __argument_3_for_attempts,
                        __run.is_last_attempt(),
                    );
                    let __result = __resilience::in_attempt(
                            __run.attempt(),
                            async {
                                if false {
                                    let _ = &mut *self;
                                    return __resilience::never::<Result<Answer, Error>>();
                                }
                                let mut id = id;
                                let _ = &id;
                                let __argument_2 = __argument_2;
                                let Place(place) = __argument_2;
                                let _ = &place;
                                let __secret = __argument_3;
                                { self.client.ask(id, place).await }
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
        __result
    };
    __resilience::finish::<
        Result<Answer, Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
