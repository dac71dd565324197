//! A TCP proxy that injects faults, from now on or at one chunk of data.

use cometchat_auth::config::Config;
use shared::Secret;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Good,
    /// Closes open and new connections.
    Cut,
    /// Drops all data and keeps the connections open.
    Silent,
}

/// A fault at one chunk. Chunks on other connections pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Delays the chunk.
    Delay(Duration),
    /// Drops the chunk and all later data of its connection, which stays open.
    Silence,
    /// Drops the chunk and closes the connection at both ends.
    Cut,
    /// Changes every byte of the chunk.
    Garble,
}

/// A TCP proxy to one address, which ends with the test.
pub struct FaultProxy {
    condition: watch::Sender<Condition>,
    inject: Arc<Mutex<Option<Strike>>>,
}

struct Strike {
    /// The number of chunks that pass before it.
    after: usize,
    fault: Fault,
}

impl FaultProxy {
    /// Starts a proxy to the host of the URL, and changes the URL to the proxy.
    pub fn before(url: &mut Url) -> Self {
        let target = url.socket_addrs(|| None).unwrap()[0];
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        let (condition, seen) = watch::channel(Condition::Good);
        let inject = Arc::default();
        let of_each = Arc::clone(&inject);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, seen.clone(), Arc::clone(&of_each)));
            }
        });
        Self { condition, inject }
    }

    /// Starts a proxy to the database of these settings.
    pub fn before_database(config: &mut Config) -> Self {
        let mut url = Url::parse(config.core.database_url.expose()).unwrap();
        let proxy = Self::before(&mut url);
        config.core.database_url = Secret::new(url);
        proxy
    }

    pub fn cut(&self) {
        self.condition.send_replace(Condition::Cut);
    }

    /// Drops all data from now on. A connection with dropped data stays silent after [`FaultProxy::restore`].
    pub fn silence(&self) {
        self.condition.send_replace(Condition::Silent);
    }

    pub fn restore(&self) {
        self.condition.send_replace(Condition::Good);
    }

    /// Injects the fault once, after this number of chunks in either direction on any connection.
    pub fn inject(&self, after: usize, fault: Fault) {
        *self.inject.lock().unwrap() = Some(Strike { after, fault });
    }

    /// Removes the fault. Returns whether it was injected.
    pub fn disarm(&self) -> bool {
        self.inject.lock().unwrap().take().is_none()
    }

    /// Returns whether the fault of [`FaultProxy::inject`] was injected.
    pub fn was_injected(&self) -> bool {
        self.inject.lock().unwrap().is_none()
    }
}

async fn carry(
    near: TcpStream,
    target: SocketAddr,
    condition: watch::Receiver<Condition>,
    inject: Arc<Mutex<Option<Strike>>>,
) {
    let mut cut = condition.clone();
    let is_good = *condition.borrow() == Condition::Good;
    let carried = async {
        if !is_good {
            return pending().await;
        }
        let Ok(far) = TcpStream::connect(target).await else { return };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            () = pass_on(near_in, far_out, &condition, &inject) => {}
            () = pass_on(far_in, near_out, &condition, &inject) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = cut.wait_for(|now| *now == Condition::Cut) => {}
    }
}

/// Forwards one direction until the connection closes.
async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    condition: &watch::Receiver<Condition>,
    inject: &Mutex<Option<Strike>>,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut piece).await.unwrap_or(0);
        if *condition.borrow() == Condition::Silent {
            // The other end gets no data and no end of stream either.
            return pending().await;
        }
        if read == 0 {
            return;
        }
        let struck = inject.lock().unwrap().take_if(|inject| {
            let now = inject.after == 0;
            inject.after = inject.after.saturating_sub(1);
            now
        });
        match struck.map(|inject| inject.fault) {
            None => {}
            Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(Fault::Silence) => return pending().await,
            Some(Fault::Cut) => return,
            Some(Fault::Garble) => piece[..read].iter_mut().for_each(|byte| *byte ^= 0x55),
        }
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}
