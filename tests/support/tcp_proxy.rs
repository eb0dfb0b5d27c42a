//! A proxy between prejoin and a real database that fails on command.
//!
//! It knows no protocol: it passes bytes on until it is told to stop, or has passed as many of the server's as it was told
//! to. What it does then to open connections it does to new ones as well, until it is told to pass again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use super::fault_proxy::bound;

/// Before each piece of slow traffic.
const PAUSE: Duration = Duration::from_millis(20);

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// They are passed on.
    Pass,
    /// They are passed on, the server's with a pause before each piece.
    Slow,
    /// Connections end, as those of a server that is stopped.
    Close,
    /// Connections stay open, and nothing is passed on, either way.
    Hang,
}

/// What becomes of them now, and once so many more of the server's have passed.
#[derive(Debug, Clone, Copy)]
struct Valve {
    now: Traffic,
    left: usize,
    then: Traffic,
}

/// A listening proxy; ends when dropped.
pub(crate) struct TcpProxy {
    address: SocketAddr,
    /// Never listens: the port is nobody else's while the proxy is down.
    _held: TcpSocket,
    upstream: String,
    valve: Arc<watch::Sender<Valve>>,
    task: Option<JoinHandle<()>>,
}

impl TcpProxy {
    /// A proxy to the server of `url`.
    pub(crate) async fn to(url: &Url) -> Self {
        let upstream = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        drop(TcpStream::connect(&upstream).await.expect("a server behind the proxy"));
        let held = bound("127.0.0.1:0".parse().unwrap());
        let address = held.local_addr().unwrap();
        let pass = Valve { now: Traffic::Pass, left: usize::MAX, then: Traffic::Pass };
        let valve = Arc::new(watch::Sender::new(pass));
        let mut proxy = Self { address, _held: held, upstream, valve, task: None };
        proxy.up();
        proxy
    }

    /// Stops listening: connections are refused, and those that are open end.
    pub(crate) async fn down(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            drop(task.await);
        }
    }

    /// Listens, again and again at the same address.
    pub(crate) fn up(&mut self) {
        let listener = bound(self.address).listen(128).unwrap();
        let accepting = accept(listener, self.upstream.clone(), Arc::clone(&self.valve));
        self.task = Some(tokio::spawn(accepting));
    }

    /// The port on which it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// `url` with the proxy in place of its server.
    pub(crate) fn instead(&self, url: &Url) -> Url {
        let mut url = url.clone();
        url.set_host(Some(&self.address.ip().to_string())).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url
    }

    /// What becomes of bytes from now on.
    pub(crate) fn set(&self, now: Traffic) {
        self.valve.send_replace(Valve { now, left: usize::MAX, then: now });
    }

    /// What becomes of them once so many of the server's, on all connections together, have passed from now on.
    pub(crate) fn set_after(&self, left: usize, then: Traffic) {
        self.valve.send_replace(Valve { now: Traffic::Pass, left, then });
    }

    /// How many more of the server's will pass, as [`TcpProxy::set_after`] has said.
    pub(crate) fn left(&self) -> usize {
        self.valve.borrow().left
    }

    /// What becomes of them now.
    pub(crate) fn now(&self) -> Traffic {
        self.valve.borrow().now
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, upstream: String, valve: Arc<watch::Sender<Valve>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (upstream, valve) = (upstream.clone(), Arc::clone(&valve));
        // A connection that breaks is what this proxy is for.
        connections.spawn(async move { serve(client, &upstream, &valve).await.ok() });
    }
}

/// Until one side ends the connection, or the valve does.
async fn serve(
    client: TcpStream,
    upstream: &str,
    valve: &watch::Sender<Valve>,
) -> std::io::Result<()> {
    let mut changes = valve.subscribe();
    let server = TcpStream::connect(upstream).await?;
    let ((mut asks, mut hears), (mut answers, mut told)) =
        (client.into_split(), server.into_split());
    let (mut question, mut answer) = (vec![0; 1 << 14], vec![0; 1 << 14]);
    loop {
        let now = changes.borrow_and_update().now;
        match now {
            Traffic::Pass | Traffic::Slow => {}
            Traffic::Close => return Ok(()),
            Traffic::Hang => {
                drop(changes.changed().await);
                continue;
            }
        }
        tokio::select! {
            _ = changes.changed() => {}
            read = asks.read(&mut question) => match read? {
                0 => return Ok(()),
                count => told.write_all(&question[..count]).await?,
            },
            read = answers.read(&mut answer) => match read? {
                0 => return Ok(()),
                count => {
                    if now == Traffic::Slow {
                        tokio::time::sleep(PAUSE).await;
                    }
                    spend(valve, count);
                    hears.write_all(&answer[..count]).await?;
                }
            },
        }
    }
}

/// Counts the server's bytes.
fn spend(valve: &watch::Sender<Valve>, bytes: usize) {
    valve.send_if_modified(|valve| {
        valve.left = valve.left.saturating_sub(bytes);
        let turned = valve.left == 0 && valve.now != valve.then;
        if turned {
            valve.now = valve.then;
        }
        turned
    });
}
