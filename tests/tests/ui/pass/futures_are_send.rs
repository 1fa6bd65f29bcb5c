//! The future of a guarded function is `Send` where the body's is.

use resilience_runtime::{Rejection, circuit_breaker};

struct Service(u8);

impl Service {
    #[circuit_breaker]
    #[fallback = Self::otherwise]
    async fn call(
        &mut self,
        text: String,
        buffer: &mut Vec<u8>,
        each: impl Fn(u8) -> u8 + Send + Sync + Clone,
    ) -> Result<u8, Rejection> {
        tokio::task::yield_now().await;
        buffer.extend(text.bytes().map(&each));
        Ok(self.0)
    }

    async fn otherwise(&mut self, _: String, _: &mut Vec<u8>, _: impl Fn(u8) -> u8) -> Result<u8, Rejection> {
        Ok(self.0)
    }
}

#[circuit_breaker]
async fn plain<T: Send>(value: T) -> Result<T, Rejection> {
    tokio::task::yield_now().await;
    Ok(value)
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut buffer = Vec::new();
    let mut service = Service(7);
    assert_eq!(assert_send(service.call("a".to_owned(), &mut buffer, |byte| byte + 1)).await.unwrap(), 7);
    assert_eq!(buffer, b"b");
    assert_eq!(assert_send(plain(1)).await.unwrap(), 1);
    // And without `Send`, it is not asked for.
    assert_eq!(*local(std::rc::Rc::new(3)).await.unwrap(), 3);
}

#[circuit_breaker]
async fn local(value: std::rc::Rc<u8>) -> Result<std::rc::Rc<u8>, Rejection> {
    tokio::task::yield_now().await;
    Ok(value)
}
