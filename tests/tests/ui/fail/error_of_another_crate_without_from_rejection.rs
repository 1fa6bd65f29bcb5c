use resilience_runtime::bulkhead;

struct Service;

impl Service {
    #[bulkhead(3)]
    async fn charge(&self) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {}
