//! The connections of callers: with TLS or without, until the server ends.
//!
//! Promises: when it ends, requests under way are answered, for so long as is reasonable. Connections that ask nothing do not
//! stay, nor do those that take nothing of an answer. Never answers in clear where a certificate is configured.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, from_tcp};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_io_timeout::TimeoutStream;

use crate::config::TlsConfig;
use crate::finding::Finding;

/// How long requests under way may take to end when the server does.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a new connection may take to ask something.
const SILENCE: Duration = Duration::from_secs(30);

/// How much longer a connection is kept on which nothing is taken than an export is: it says why it ended.
const LATER: Duration = Duration::from_secs(2);

/// Ends connections on which a client takes nothing for so long.
#[derive(Clone, Copy)]
struct Impatient(Duration);

impl<S> Accept<TcpStream, S> for Impatient {
    type Stream = Pin<Box<TimeoutStream<TcpStream>>>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.0));
        ready(Ok((Box::pin(stream), service)))
    }
}

/// What the server shows to prove who it is.
pub(super) struct Certificate {
    shown: RustlsConfig,
    files: TlsConfig,
    /// Told to read them anew (SIGHUP), which would end a process that does not watch for it.
    told: Signal,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, is no PEM, or they do not belong together; when signals cannot be watched.
    pub(super) async fn read(files: &TlsConfig) -> Result<Self> {
        let shown = RustlsConfig::from_pem_file(&files.cert_file, &files.key_file).await;
        let shown = shown.map_err(|error| {
            let what = format!("`api.tls`: {error}");
            let hint = "`cert_file` has the certificate and those above it, `key_file` its key, both as PEM";
            Finding::error(what).hint(hint)
        })?;
        let told = signal(SignalKind::hangup()).context("SIGHUP")?;
        Ok(Self { shown, files: files.clone(), told })
    }

    /// Reads the files anew whenever the process is told to; those that do not hold change nothing.
    async fn renew(mut self) {
        while self.told.recv().await.is_some() {
            let TlsConfig { cert_file, key_file } = &self.files;
            match self.shown.reload_from_pem_file(cert_file, key_file).await {
                Ok(()) => tracing::info!("the certificate was read anew"),
                Err(error) => {
                    let (cert, key) = (cert_file.display(), key_file.display());
                    tracing::error!(%error, cert_file = %cert, key_file = %key, "the certificate stays what it was");
                }
            }
        }
    }
}

/// Answers until `shutdown`, and then what is under way. A client may take nothing of an answer for as long as `stall`.
///
/// # Errors
/// When the listener fails.
pub(super) async fn serve(
    (listener, certificate): (TcpListener, Option<Certificate>),
    router: Router,
    stall: Duration,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let handle = Handle::new();
    let listener = listener.into_std().context("the listener")?;
    let server = from_tcp(listener).context("the listener")?;
    let mut server = server.handle(handle.clone()).first_request_timeout(SILENCE);
    server.http_builder().http1().header_read_timeout(SILENCE);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let ending = tokio::spawn({
        let handle = handle.clone();
        async move {
            shutdown.await;
            handle.graceful_shutdown(Some(DRAIN));
        }
    });
    let impatient = Impatient(stall + LATER);
    let served = match certificate {
        None => server.acceptor(impatient).serve(service).await,
        Some(certificate) => {
            let acceptor = RustlsAcceptor::new(certificate.shown.clone()).acceptor(impatient);
            let renewing = tokio::spawn(certificate.renew());
            let served = server.acceptor(acceptor).serve(service).await;
            renewing.abort();
            served
        }
    };
    ending.abort();
    if handle.connection_count() > 0 {
        tracing::warn!("requests that have not ended are left");
    }
    served.context("serving searches")
}
