//! A generic method with `&mut self` and borrowed arguments under a retry; its future is `Send` where the body's is.

use resilience_runtime::{Rejection, circuit_breaker, retry};

trait Store<K> {
    fn put<'a>(&mut self, key: &'a K, value: Vec<u8>) -> impl Future<Output = Result<&'a K, Rejection>> + Send;
}

struct Memory<V> {
    values: Vec<V>,
}

impl<K: Sync, V: From<Vec<u8>> + Send> Store<K> for Memory<V> {
    #[retry(delay = "0s")]
    #[circuit_breaker]
    async fn put<'a>(&mut self, key: &'a K, value: Vec<u8>) -> Result<&'a K, Rejection> {
        tokio::task::yield_now().await;
        self.values.push(value.into());
        Ok(key)
    }
}

async fn put_twice<S: Store<u8>>(store: &mut S) -> Result<u8, Rejection> {
    store.put(&1, vec![1]).await?;
    store.put(&2, vec![2]).await.copied()
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut memory = Memory::<Vec<u8>> { values: Vec::new() };
    assert_eq!(put_twice(&mut memory).await.unwrap(), 2);
    assert_eq!(memory.values, [[1], [2]]);
    drop(assert_send(Store::<u8>::put(&mut memory, &1, Vec::new())));
}
