//! A proxy between prejoin and a real engine that fails on command.
//!
//! It speaks just enough HTTP/1.1 to know where a request ends: one request per connection, bodies with a length. Faults are
//! taken from a queue, one for each request that matches; what matches none goes through to the engine unchanged.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The proxy answers by itself; the engine never sees the request.
    Answer(u16, &'static str),
    /// The connection is closed; the engine never sees the request.
    Close,
    /// The engine does the work; the connection is closed instead of its answer.
    CloseAfter,
    /// The engine does the work; this body is the answer, with status 200.
    AnswerAfter(&'static str),
    /// The engine does the work; no answer comes until the client goes away.
    HoldAfter,
    /// The engine does the work; half of its answer comes, and then the connection is closed.
    Half,
    /// Its answer comes bit by bit.
    Slow,
    /// Arrives at the engine when [`FaultProxy::let_go`] is called, whether or not anybody still waits for the answer.
    Late,
    /// Goes through, as if there were no fault.
    Pass,
}

/// What happens to bodies over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oversize {
    /// They are read, and answered with 413.
    Answer413,
    /// The connection is closed before they are read.
    Close,
}

/// A request as the proxy saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and target, as `POST /a/_bulk`.
    pub(crate) line: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct Script {
    faults: VecDeque<(&'static str, Fault)>,
    limit: Option<(usize, Oversize)>,
    seen: Vec<Seen>,
}

/// A listening proxy; ends when dropped.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    /// Never listens: the port is nobody else's while the proxy is down.
    _held: TcpSocket,
    upstream: String,
    script: Arc<Mutex<Script>>,
    /// Has no permits until late requests may go.
    gate: Arc<Semaphore>,
    task: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy to the engine at `url`, an `http://host:port`.
    pub(crate) async fn to(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        drop(TcpStream::connect(&upstream).await.expect("an engine behind the proxy"));
        let held = bound("127.0.0.1:0".parse().unwrap());
        let address = held.local_addr().unwrap();
        let gate = Arc::new(Semaphore::new(0));
        let script = Arc::default();
        let mut proxy = Self { address, _held: held, upstream, script, gate, task: None };
        proxy.up();
        proxy
    }

    /// The URL to use in place of the engine's.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Queues faults for requests whose first line contains `matching`, one fault each.
    pub(crate) fn then(&self, matching: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.script().faults.extend(faults.into_iter().map(|fault| (matching, fault)));
    }

    /// Drops the faults that have not happened.
    pub(crate) fn forget(&self) {
        self.script().faults.clear();
    }

    /// Refuses bodies over `bytes` from now on.
    pub(crate) fn limit(&self, bytes: usize, oversize: Oversize) {
        self.script().limit = Some((bytes, oversize));
    }

    /// Lets late requests arrive, those that come after this too.
    pub(crate) fn let_go(&self) {
        self.gate.add_permits(1_000);
    }

    /// Waits until `count` requests have come whose first line contains `matching`.
    pub(crate) async fn until_seen(&self, matching: &str, count: usize) {
        let seen = async {
            while self.seen(matching).len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), seen).await;
        waited.unwrap_or_else(|_| panic!("{count} requests `{matching}`"));
    }

    /// Requests so far whose first line contains `matching`.
    pub(crate) fn seen(&self, matching: &str) -> Vec<Seen> {
        let script = self.script();
        script.seen.iter().filter(|seen| seen.line.contains(matching)).cloned().collect()
    }

    /// Number of requests so far.
    pub(crate) fn count(&self) -> usize {
        self.script().seen.len()
    }

    /// Whether every queued fault has happened.
    pub(crate) fn is_spent(&self) -> bool {
        self.script().faults.is_empty()
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
        self.serve(bound(self.address).listen(128).unwrap());
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn serve(&mut self, listener: TcpListener) {
        let (upstream, script) = (self.upstream.clone(), Arc::clone(&self.script));
        let gate = Arc::clone(&self.gate);
        self.task = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                let (upstream, script) = (upstream.clone(), Arc::clone(&script));
                let gate = Arc::clone(&gate);
                // A connection that breaks is what this proxy is for.
                connections.spawn(async move {
                    serve_one(client, &upstream, (&script, &gate)).await.ok()
                });
            }
        }));
    }
}

/// A socket that shares its address with others of this process.
pub(crate) fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

async fn serve_one(
    mut client: TcpStream,
    upstream: &str,
    (script, gate): (&Mutex<Script>, &Semaphore),
) -> std::io::Result<()> {
    let Some((head, mut body)) = read_head(&mut client).await? else { return Ok(()) };
    let length = content_length(&head);
    let oversize = script.lock().unwrap().limit.filter(|(limit, _)| length > *limit);
    if matches!(oversize, Some((_, Oversize::Close))) {
        return Ok(());
    }
    let missing = length.saturating_sub(body.len());
    let mut rest = vec![0; missing];
    client.read_exact(&mut rest).await?;
    body.append(&mut rest);
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();

    let fault = {
        let mut script = script.lock().unwrap();
        let matches = script.faults.front().is_some_and(|(matching, _)| line.contains(matching));
        let fault = if matches { script.faults.pop_front().map(|(_, fault)| fault) } else { None };
        script.seen.push(Seen { line, body: body.clone() });
        fault.unwrap_or(Fault::Pass)
    };
    if oversize.is_some() {
        return answer(&mut client, 413, "").await;
    }
    match fault {
        Fault::Answer(status, body) => answer(&mut client, status, body).await,
        Fault::Close => Ok(()),
        Fault::CloseAfter => forward(upstream, &head, &body).await.map(drop),
        Fault::AnswerAfter(instead) => {
            forward(upstream, &head, &body).await?;
            answer(&mut client, 200, instead).await
        }
        Fault::HoldAfter => {
            forward(upstream, &head, &body).await?;
            client.read_to_end(&mut Vec::new()).await.map(drop)
        }
        Fault::Half => {
            let answered = forward(upstream, &head, &body).await?;
            client.write_all(&answered[..answered.len() / 2]).await?;
            client.shutdown().await
        }
        Fault::Slow => {
            let answered = forward(upstream, &head, &body).await?;
            for bit in answered.chunks(answered.len().div_ceil(20)) {
                client.write_all(bit).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            client.shutdown().await
        }
        Fault::Late => {
            drop(gate.acquire().await.ok());
            let answered = forward(upstream, &head, &body).await?;
            client.write_all(&answered).await
        }
        Fault::Pass => {
            let answered = forward(upstream, &head, &body).await?;
            client.write_all(&answered).await?;
            client.shutdown().await
        }
    }
}

/// The request's head, and what was read of the body with it; `None` when the connection ends first.
async fn read_head(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&read).into_owned(), body)));
        }
        if client.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

fn content_length(head: &str) -> usize {
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    lengths.next().unwrap_or(0)
}

/// The engine's whole answer, head and body.
async fn forward(upstream: &str, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut engine = TcpStream::connect(upstream).await?;
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    engine.write_all(head.as_bytes()).await?;
    engine.write_all(body).await?;
    let mut answer = Vec::new();
    engine.read_to_end(&mut answer).await?;
    // Each connection carries one request: a client that is not told so may send the next one into the void.
    let line = answer.windows(2).position(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    answer.splice(line..line, *b"Connection: close\r\n");
    Ok(answer)
}

async fn answer(client: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await
}
