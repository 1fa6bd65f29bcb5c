//! The body of an HTTP response: a stream of frames, whose head, the response, says by itself how the call went so far.

use super::{AnyStream, BoxedStream, GuardedStream, Holdings, JudgeItem, MakeItem, OfHead};
use crate::hooks::ClassifyBy;
use crate::verdict::Verdict;
use ::bytes::Buf;
use ::http::Response;
use ::http_body::{Body, Frame, SizeHint};
use ::http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use std::pin::Pin;
use std::task::{Context, Poll};

type Each<B> = Result<Frame<<B as Body>::Data>, <B as Body>::Error>;

/// A response.
#[derive(Debug)]
pub struct OfResponse;

#[diagnostic::do_not_recommend]
impl<B: Body> AnyStream<OfResponse> for Response<B> {
    type Each = Each<B>;

    const HEAD_SAYS: bool = true;

    type Guarded<J, M> = Response<GuardedStream<B, J, M>>;

    fn guarded<J, M>(self, held: Holdings, judge: J, made: M) -> Response<GuardedStream<B, J, M>> {
        self.map(|body| GuardedStream::of_body(body, held, judge, made))
    }
}

// Outside of the layers, for a fallback.
impl<B: Body, E, C: ClassifyBy<Response<B>, E>> ClassifyBy<Response<B>, E> for OfHead<C, OfResponse> {
    #[inline]
    fn verdict(&self, result: Result<&Response<B>, &E>) -> Verdict {
        self.of_head(result)
    }
}

impl<B: Body, J, M> GuardedStream<B, J, M> {
    fn of_body(body: B, mut held: Holdings, judge: J, made: M) -> Self {
        if body.is_end_stream() {
            // Nobody asks it for anything: it is the answer to HEAD, or 204.
            std::mem::take(&mut held).end();
        }
        Self::ending(body, held, judge, made, B::is_end_stream)
    }
}

impl<B: Body, J: JudgeItem<Each<B>>, M: MakeItem<Each<B>>> Body for GuardedStream<B, J, M> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Each<B>>> {
        self.poll_item(context, B::poll_frame)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.as_ref().map_or_else(|| SizeHint::with_exact(0), B::size_hint)
    }
}

#[diagnostic::do_not_recommend]
impl<B: BoxedStream<J, M>, J, M> BoxedStream<J, M> for Response<B> {
    fn box_again(self, held: Holdings, judge: J, made: M) -> Self {
        self.map(|body| body.box_again(held, judge, made))
    }
}

macro_rules! boxed {
    ($($lifetime:lifetime, $($marker:ident)*: $body:ty => $make:path;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<'b, D, E, J, M> BoxedStream<J, M> for $body
        where
            D: Buf + $lifetime,
            E: $lifetime,
            J: JudgeItem<Result<Frame<D>, E>> $(+ $marker)* + $lifetime,
            M: MakeItem<Result<Frame<D>, E>> $(+ $marker)* + $lifetime,
        {
            fn box_again(self, held: Holdings, judge: J, made: M) -> Self {
                $make(GuardedStream::of_body(self, held, judge, made))
            }
        }
    )*};
}

boxed! {
    'b, : Pin<Box<dyn Body<Data = D, Error = E> + 'b>> => Box::pin;
    'b, Send: Pin<Box<dyn Body<Data = D, Error = E> + Send + 'b>> => Box::pin;
    'b, Send Sync: Pin<Box<dyn Body<Data = D, Error = E> + Send + Sync + 'b>> => Box::pin;
    'static, Send: UnsyncBoxBody<D, E> => UnsyncBoxBody::new;
    'static, Send Sync: BoxBody<D, E> => BoxBody::new;
}

#[cfg(feature = "axum")]
#[diagnostic::do_not_recommend]
impl<J, M> BoxedStream<J, M> for axum_core::body::Body
where
    J: JudgeItem<Each<Self>> + Send + 'static,
    M: MakeItem<Each<Self>> + Send + 'static,
{
    fn box_again(self, held: Holdings, judge: J, made: M) -> Self {
        Self::new(GuardedStream::of_body(self, held, judge, made))
    }
}
