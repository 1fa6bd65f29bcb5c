async fn send(
    &mut self,
    mail: Mail,
    to: &Address,
    __argument_3: (u8, u8),
) -> Result<(), Error> {
    use ::resilience_runtime::private::{self as __resilience, DescribeError as _};
    let __retry = {
        ::resilience_runtime::private::operation! {
            __OPERATION = "send", ::core::line!(), [Retry(& __RETRY)]
        }
        static __RETRY: __resilience::RetrySite = __resilience::RetrySite::new(
            &__OPERATION,
            __resilience::None,
            __resilience::RetryConfig::validated(
                __resilience::RetryConfig::NOTHING
                    .attempts(5)
                    .delay(__resilience::Duration::from_millis(50))
                    .backoff(__resilience::Backoff::Fibonacci)
                    .jitter(__resilience::Jitter::Share(0.25))
                    .retry_rejections(
                        __resilience::Rejections::TIMED_OUT
                            .and(__resilience::Rejections::RATE_LIMITED),
                    )
                    .budget(__resilience::Constant(BUDGET).number()),
            ),
            true,
        );
        &__RETRY
    };
    let __result = {
        let mut __mail_for_attempts = __resilience::Some(mail);
        let mut __argument_3_for_attempts = __resilience::Some(__argument_3);
        let mut __run = __retry.get().start();
        loop {
            let __result = {
                let mail = __resilience::lend(
                    &mut __mail_for_attempts,
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
                                return __resilience::never::<Result<(), Error>>();
                            }
                            let mut mail = mail;
                            let to = to;
                            let __argument_3 = __argument_3;
                            let (a, mut b) = __argument_3;
                            {
                                self.sent += 1;
                                mail.seal();
                                b += a;
                                self.transport.send(mail, to, b).await
                            }
                        },
                    )
                    .await;
                let __result = __resilience::called(__result);
                __result
            };
            let __wait = match {
                let __result = __result;
                __run
                    .after_above(
                        (__resilience::error_of(&__result).describe_error(), true),
                        __result,
                        Error::is_transient,
                        |error| error.wait(),
                        |event| tracing::warn!(? event),
                        __resilience::never_shut,
                    )
            } {
                __resilience::ControlFlow::Continue(__wait) => __wait,
                __resilience::ControlFlow::Break(__result) => break __result,
            };
            __wait.await;
        }
    };
    __resilience::finish::<
        Result<(), Error>,
        _,
        _,
        _,
    >(__result, __resilience::FromRejection)
}
