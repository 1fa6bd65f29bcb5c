//! A server that answers what it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Server {
    pub(crate) address: String,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    answers: Vec<String>,
    /// Of each request.
    heads: Vec<String>,
}

impl Server {
    /// Each request gets the next of these answers and the last one again and again, and the connection is closed after it. An answer of nothing is given late.
    pub(crate) async fn answering<A: Into<String>>(answers: impl IntoIterator<Item = A>) -> Self {
        let server = Self::unbound().await;
        server.answer(answers);
        server
    }

    /// Without an answer so far.
    pub(crate) async fn unbound() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::<Mutex<Told>>::default();
        let asked = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&asked)));
            }
        });
        Self { address, told }
    }

    pub(crate) fn answer<A: Into<String>>(&self, answers: impl IntoIterator<Item = A>) {
        self.told.lock().unwrap().answers = answers.into_iter().map(Into::into).collect();
    }

    pub(crate) fn requests(&self) -> usize {
        self.told.lock().unwrap().heads.len()
    }

    /// What the last request began with.
    pub(crate) fn last_head(&self) -> String {
        self.told.lock().unwrap().heads.last().unwrap().clone()
    }
}

async fn serve(mut connection: TcpStream, told: Arc<Mutex<Told>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    let answer = {
        let mut told = told.lock().unwrap();
        told.heads.push(String::from_utf8_lossy(&head).into_owned());
        let nth = told.heads.len().min(told.answers.len()) - 1;
        told.answers[nth].clone()
    };
    if answer.is_empty() {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let _ = connection.write_all(answer.as_bytes()).await;
    let _ = connection.shutdown().await;
    // Until the other side closes: what is unread of a request would reset the connection under the answer.
    while let Ok(1..) = connection.read_buf(&mut head).await {}
}

/// An answer with these further headers, each on a line that ends.
pub(crate) fn answer(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Said So\r\nconnection: close\r\ncontent-length: 2\r\n{headers}\r\nok")
}
