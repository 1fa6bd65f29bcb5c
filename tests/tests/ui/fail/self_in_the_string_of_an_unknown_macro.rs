use resilience_runtime::{Rejection, retry};

macro_rules! audit {
    ($text:literal) => {
        println!($text)
    };
}

#[derive(Debug)]
struct Log;

impl Log {
    #[retry]
    async fn write(&mut self) -> Result<(), Rejection> {
        audit!("{self:?}");
        let log = self;
        *log = Log;
        Ok(())
    }
}

fn main() {}
