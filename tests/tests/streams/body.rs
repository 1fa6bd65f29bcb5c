//! The bodies of HTTP responses: streams of frames below a head that has a status (docs/semantics.md, Streams).

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Empty, Full};
use resilience_runtime::{Rejection, Verdict, bulkhead, circuit_breaker, classify, fallback, registry, retry, timeout};
use tokio::time::advance;

use super::script::{Error, Page, Step, script};
use super::{Answer, BROKEN, counted, items, millis};

use Step::{Hang, Wait};

fn inside(name: &str) -> u64 {
    registry().bulkhead(name).unwrap().snapshot().inside
}

fn poll(body: &mut (impl Body + Unpin)) -> Poll<Option<bool>> {
    let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    polled.map(|frame| frame.map(|frame| frame.is_ok()))
}

#[circuit_breaker("bodies: outcomes", mode = monitor, stream = true)]
#[bulkhead(9, name = "bodies: outcomes")]
async fn page(steps: Vec<Step>) -> Answer<Response<impl Body<Data = Bytes, Error = Error> + Unpin>> {
    Ok(Response::builder().status(203).header("x-kept", "1").body(Page(script(steps))).unwrap())
}

/// Reads so many frames, waits for so long for another one, and leaves; or reads all.
async fn read(steps: Vec<Step>, at_most: usize, patience: u64) -> [u64; 5] {
    let mut response = page(steps).await.unwrap();
    let before = counted("bodies: outcomes");
    assert_eq!((response.status().as_u16(), response.headers()["x-kept"].as_bytes()), (203, &b"1"[..]));
    for _ in 0..at_most {
        assert_eq!(inside("bodies: outcomes"), 1, "the place is held while there is more to come");
        match poll(response.body_mut()) {
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => break,
            Poll::Pending => advance(millis(patience)).await,
        }
    }
    drop(response);
    assert_eq!(inside("bodies: outcomes"), 0);
    let after = counted("bodies: outcomes");
    std::array::from_fn(|outcome| after[outcome] - before[outcome])
}

#[tokio::test(start_paused = true)]
async fn are_recorded_as_streams_are() {
    for (steps, at_most, patience, expected) in [
        (items(0..3), 9, 0, [1, 0, 0, 0, 0]),
        (items(0..3), 2, 0, [1, 0, 0, 0, 0]),
        (items(0..3), 0, 0, [0, 0, 0, 1, 0]),
        (vec![Step::Item(1), BROKEN], 9, 0, [0, 1, 0, 0, 0]),
        (vec![Hang], 1, 500, [0, 0, 0, 1, 0]),
        (vec![Hang], 1, 1500, [0, 0, 0, 0, 1]),
    ] {
        assert_eq!(read(steps.clone(), at_most, patience).await, expected, "{at_most} of {steps:?}");
    }
}

/// A body that knows its length, as those with a `Content-Length` do: its reader does not ask for what comes after the last frame.
struct Known {
    frames: Vec<Frame<Bytes>>,
}

impl Body for Known {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready((!self.frames.is_empty()).then(|| Ok(self.frames.remove(0))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum())
    }
}

#[circuit_breaker("bodies: sized", stream = true)]
#[bulkhead(9, name = "bodies: sized")]
async fn sized(frames: Vec<Frame<Bytes>>) -> Answer<Response<impl Body<Data = Bytes, Error = Infallible> + Unpin>> {
    Ok(Response::new(Known { frames }))
}

#[tokio::test(start_paused = true)]
async fn that_know_their_end_have_ended_with_the_last_frame() {
    let data = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
    let mut body = sized(vec![data("abc"), data("de")]).await.unwrap().into_body();
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
    assert!(poll(&mut body).is_ready());
    assert_eq!((body.size_hint().exact(), inside("bodies: sized")), (Some(2), 1));
    assert!(poll(&mut body).is_ready());
    // Nobody asks for more, and what was held is free.
    assert_eq!((inside("bodies: sized"), counted("bodies: sized")), (0, [1, 0, 0, 0, 0]));
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
    assert_eq!(poll(&mut body), Poll::Ready(None));

    let empty = sized(vec![]).await.unwrap();
    assert_eq!((inside("bodies: sized"), counted("bodies: sized")), (0, [2, 0, 0, 0, 0]), "there is nothing to read");
    assert!(empty.body().is_end_stream());
    drop(empty);
    assert_eq!(counted("bodies: sized"), [2, 0, 0, 0, 0]);
    they_have_their_trailers().await;
}

async fn they_have_their_trailers() {
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    let frames = vec![Frame::data(Bytes::from_static(b"abc")), Frame::trailers(trailers.clone())];
    let collected = sized(frames).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), "abc");
}

mod timeouts {
    use super::*;

    #[circuit_breaker("bodies: between", stream = true)]
    #[timeout("9s", name = "bodies: between", between = "1s")]
    async fn page(steps: Vec<Step>) -> Answer<Response<impl Body<Data = Bytes, Error = Error> + Unpin>> {
        Ok(Response::new(Page(script(steps))))
    }

    #[tokio::test(start_paused = true)]
    async fn limit_the_wait_for_each_frame() {
        let steps = vec![Wait(millis(900)), Step::Item(1), Wait(millis(900)), Step::Item(2), Hang];
        let mut body = page(steps).await.unwrap().into_body();
        for _ in 0..2 {
            assert!(body.frame().await.unwrap().is_ok());
            advance(millis(60_000)).await;
        }
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Rejected(Rejection::TimedOut { .. })), "{error}");
        assert!(body.frame().await.is_none());
        assert_eq!(counted("bodies: between"), [0, 1, 0, 0, 0]);
    }
}

mod heads {
    use super::*;

    fn status(code: u16, steps: Vec<Step>) -> Response<Page> {
        Response::builder().status(code).body(Page(script(steps))).unwrap()
    }

    #[circuit_breaker("bodies: heads", mode = monitor, classify = classify::http, stream = true)]
    #[bulkhead(9, name = "bodies: heads")]
    async fn page(code: u16, steps: Vec<Step>) -> Answer<Response<impl Body<Data = Bytes, Error = Error> + Unpin>> {
        Ok(status(code, steps))
    }

    #[tokio::test(start_paused = true)]
    async fn that_have_failed_are_recorded_as_they_are() {
        for (code, steps, expected) in [
            (200, items(0..2), [1, 0, 0, 0, 0]),
            (404, items(0..2), [1, 0, 0, 0, 0]),
            (200, vec![BROKEN], [0, 1, 0, 0, 0]),
            (503, items(0..2), [0, 1, 0, 0, 0]),
            // Once, whatever becomes of the body.
            (503, vec![BROKEN], [0, 1, 0, 0, 0]),
            (429, items(0..2), [0, 0, 1, 0, 0]),
        ] {
            registry().prepare();
            let before = counted("bodies: heads");
            let response = page(code, steps.clone()).await.unwrap();
            assert_eq!((response.status().as_u16(), inside("bodies: heads")), (code, 1));
            let _ = response.into_body().collect().await;
            assert_eq!(inside("bodies: heads"), 0);
            let after = counted("bodies: heads");
            let counted: [u64; 5] = std::array::from_fn(|outcome| after[outcome] - before[outcome]);
            assert_eq!(counted, expected, "{code} with {steps:?}");
        }
    }

    #[retry(attempts = 3, delay = "1ms", classify = classify::http, stream = true)]
    #[circuit_breaker("bodies: retried", mode = monitor)]
    #[bulkhead(1, name = "bodies: retried")]
    async fn retried(calls: &AtomicU32) -> Answer<Response<impl Body<Data = Bytes, Error = Error> + use<> + Unpin>> {
        let code = if calls.fetch_add(1, Ordering::Relaxed) < 2 { 503 } else { 200 };
        Ok(status(code, items(0..1)))
    }

    /// What an attempt holds, of which the body is not wanted, ends before the next one begins: there is one place.
    #[tokio::test(start_paused = true)]
    async fn that_have_failed_are_tried_again() {
        let response = retried(&AtomicU32::new(0)).await.unwrap();
        assert_eq!((response.status(), inside("bodies: retried")), (StatusCode::OK, 1));
        drop(response.into_body().collect().await);
        assert_eq!((counted("bodies: retried"), inside("bodies: retried")), ([1, 2, 0, 0, 0], 0));
    }

    type Boxed = UnsyncBoxBody<Bytes, Error>;

    fn of_yesterday(is_there: bool) -> Answer<Response<Boxed>> {
        let yesterday = Page(script([Wait(millis(5000)), Step::Item(7)]));
        is_there.then(|| Response::new(Boxed::new(yesterday))).ok_or(Error::NotFound)
    }

    #[circuit_breaker("bodies: answered", mode = monitor)]
    #[bulkhead(1, name = "bodies: answered")]
    #[timeout("1s", between = "1s", classify = classify::http)]
    #[fallback(|_, _| Err(Error::Broken), |has_another, _| of_yesterday(has_another), on = [unsuccessful], stream = true)]
    async fn answered(_has_another: bool, code: u16) -> Answer<Response<Boxed>> {
        Ok(status(code, items(0..1)).map(Boxed::new))
    }

    #[tokio::test(start_paused = true)]
    async fn that_have_failed_are_answered_for_by_something_that_is_not_held() {
        // Neither a place is held for it nor do its frames have to come in time.
        let response = answered(true, 503).await.unwrap();
        assert_eq!((response.status(), inside("bodies: answered")), (StatusCode::OK, 0));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), &7_u32.to_be_bytes()[..]);
        // Where there is no other answer, it is the first one.
        let response = answered(false, 503).await.unwrap();
        assert_eq!((response.status(), inside("bodies: answered")), (StatusCode::SERVICE_UNAVAILABLE, 1));
        drop(response);
        assert_eq!((counted("bodies: answered"), inside("bodies: answered")), ([0, 2, 0, 0, 0], 0));
    }
}

mod boxes {
    use super::*;

    type Dyn<'b> = Pin<Box<dyn Body<Data = Bytes, Error = Error> + 'b>>;
    type DynSend = Pin<Box<dyn Body<Data = Bytes, Error = Error> + Send>>;
    type DynSendSync = Pin<Box<dyn Body<Data = Bytes, Error = Error> + Send + Sync>>;

    macro_rules! boxes {
        ($($name:ident: $body:ty = $make:expr;)*) => {
            $(
                #[circuit_breaker("bodies: boxes", mode = monitor, stream = true, classify_item = |frame| match frame {
                    Err(_) => Verdict::FAILURE,
                    Ok(_) => Verdict::SUCCESS,
                })]
                #[bulkhead(1)]
                async fn $name(steps: Vec<Step>) -> Answer<Response<$body>> {
                    Ok(Response::new($make(Page(script(steps)))))
                }
            )*

            #[tokio::test(start_paused = true)]
            async fn are_boxes_again() {
                let mut expected = [0; 5];
                $(
                    let body: $body = $name(items(0..2)).await.unwrap().into_body();
                    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 8);
                    drop($name(vec![Step::Item(1), BROKEN]).await.unwrap().into_body().collect().await.unwrap_err());
                    expected[0] += 1;
                    expected[1] += 1;
                    assert_eq!(counted("bodies: boxes"), expected, stringify!($body));
                )*
            }
        };
    }

    // A script is not `Sync`.
    fn shared(page: Page) -> impl Body<Data = Bytes, Error = Error> + Send + Sync {
        SyncBody(std::sync::Mutex::new(page))
    }

    struct SyncBody(std::sync::Mutex<Page>);

    impl Body for SyncBody {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Answer<Frame<Bytes>>>> {
            pin!(&mut *self.get_mut().0.lock().unwrap()).poll_frame(context)
        }
    }

    boxes! {
        local: Dyn<'static> = Box::pin;
        sent: DynSend = Box::pin;
        sent_and_shared: DynSendSync = |page| Box::pin(shared(page));
        unsync: UnsyncBoxBody<Bytes, Error> = UnsyncBoxBody::new;
        boxed: BoxBody<Bytes, Error> = |page| BoxBody::new(shared(page));
    }

    /// What needs no annotation elsewhere needs none here.
    #[tokio::test(start_paused = true)]
    async fn and_opaque_bodies_of_others() {
        #[circuit_breaker("bodies: others", stream = true)]
        async fn full(text: &'static str) -> Answer<Response<impl Body<Data = Bytes> + Send + Sync + Unpin + 'static>> {
            Ok(Response::new(Full::from(text)))
        }

        #[circuit_breaker("bodies: others", stream = true)]
        async fn empty() -> Answer<Response<impl Body>> {
            Ok(Response::new(Empty::<Bytes>::new()))
        }

        drop(full("abc").await.unwrap().into_body().frame().await);
        drop(empty().await);
        assert_eq!(counted("bodies: others"), [2, 0, 0, 0, 0]);
    }
}
