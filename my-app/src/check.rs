//! Looks at many pages at once, but never at more than a few at a time: a stream of tasks.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use otp::async_stream;
use otp::task::OnTimeout;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How long a page may take.
const LIMIT: Duration = Duration::from_secs(2);

/// How a page was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Checked {
    pub(crate) path: String,
    /// Its status, or why there is none.
    pub(crate) status: Result<u16, String>,
}

/// Asks for these pages of the server at an address, so many at a time; the answers come in the order of the pages.
pub(crate) async fn check(address: &str, paths: &[&str], at_a_time: usize) -> Vec<Checked> {
    let pages: Vec<_> = paths.iter().map(|&path| (address.to_owned(), path.to_owned())).collect();
    let answers = async_stream(pages, |(address, path)| async move { fetch(&address, &path).await })
        .max_concurrency(at_a_time)
        .timeout(LIMIT)
        .on_timeout(OnTimeout::KillTask)
        .collect::<Vec<_>>()
        .await;
    let checked = paths.iter().zip(answers).map(|(&path, answer)| {
        let status = match answer {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(reason) => Err(reason.to_string()),
        };
        Checked { path: path.to_owned(), status }
    });
    checked.collect()
}

/// As little HTTP as will do.
async fn fetch(address: &str, path: &str) -> io::Result<u16> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut first = String::new();
    BufReader::new(connection).read_line(&mut first).await?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other("this is no HTTP"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use otp::{Mailbox, spawn};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;

    #[otp::test]
    async fn a_few_at_a_time_in_order_and_what_fails_says_why() {
        const AT_A_TIME: usize = 3;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let most = Arc::new(AtomicUsize::new(0));
        let (seen, open) = (Arc::clone(&most), Arc::new(AtomicUsize::new(0)));
        let full = Arc::new(Semaphore::new(0));
        spawn(move |_: Mailbox<()>| async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (seen, open, full) = (Arc::clone(&seen), Arc::clone(&open), Arc::clone(&full));
                spawn(move |_: Mailbox<()>| async move {
                    let now = open.fetch_add(1, Ordering::Relaxed) + 1;
                    seen.fetch_max(now, Ordering::Relaxed);
                    // Nobody is answered before as many are here as may come at a time.
                    if now == AT_A_TIME {
                        full.add_permits(1000);
                    }
                    drop(full.acquire().await);
                    let mut request = String::new();
                    let (read, mut write) = connection.split();
                    BufReader::new(read).read_line(&mut request).await.ok();
                    let answer = if request.contains("odd") { "what?" } else { "HTTP/1.0 204 -\r\n\r\n" };
                    open.fetch_sub(1, Ordering::Relaxed);
                    write.write_all(answer.as_bytes()).await.ok();
                });
            }
        });
        let paths = ["/a", "/b", "/odd", "/c", "/d", "/e", "/f", "/g"];
        let checked = check(&address, &paths, AT_A_TIME).await;
        assert_eq!(most.load(Ordering::Relaxed), AT_A_TIME);
        assert_eq!(checked.iter().map(|page| page.path.as_str()).collect::<Vec<_>>(), paths);
        for Checked { path, status } in checked {
            let wanted = if path == "/odd" { Err("this is no HTTP".to_owned()) } else { Ok(204) };
            assert_eq!(status, wanted);
        }
        let nobody = check("127.0.0.1:1", &["/"], 1).await;
        assert!(nobody[0].status.as_ref().unwrap_err().contains("refused"), "{nobody:?}");
    }
}
