//! A line between two programs that can be cut, and go silent.

use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Good,
    /// What is open is closed, and what is opened too.
    Cut,
    /// Nothing gets through and nobody is told.
    Silent,
}

/// A TCP proxy to one address. It ends with the test.
pub struct Line {
    pub address: SocketAddr,
    condition: watch::Sender<Condition>,
}

impl Line {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (condition, seen) = watch::channel(Condition::Good);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, seen.clone()));
            }
        });
        Self { address, condition }
    }

    pub fn cut(&self) {
        self.condition.send_replace(Condition::Cut);
    }

    /// For what is open now, this is for ever: [`Line::mend`] helps new connections alone.
    pub fn silence(&self) {
        self.condition.send_replace(Condition::Silent);
    }

    pub fn mend(&self) {
        self.condition.send_replace(Condition::Good);
    }
}

async fn carry(mut near: TcpStream, target: SocketAddr, mut condition: watch::Receiver<Condition>) {
    if *condition.borrow() == Condition::Good {
        let Ok(mut far) = TcpStream::connect(target).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => return,
            _ = condition.wait_for(|now| *now != Condition::Good) => {}
        }
        if *condition.borrow() == Condition::Cut {
            return;
        }
        // The far end is told no more than the near one.
        let _open = (near, far);
        let _ = condition.wait_for(|now| *now == Condition::Cut).await;
        return;
    }
    let _ = condition.wait_for(|now| *now == Condition::Cut).await;
}
