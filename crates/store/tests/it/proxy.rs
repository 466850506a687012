//! A TCP proxy that can cut a connection at its next COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Where the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    /// The database never sees the COMMIT.
    Before = 1,
    /// The database gets the COMMIT, but nobody hears its answer.
    After = 2,
}

/// A proxy that ends with the value.
pub struct Proxy {
    pub port: u16,
    armed: Arc<AtomicU8>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub async fn start(server: String) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(AtomicU8::new(0));
        let mut tasks = JoinSet::new();
        let arm = armed.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, server.clone(), arm.clone()));
            }
        });
        Proxy {
            port,
            armed,
            _tasks: tasks,
        }
    }

    /// Cuts at the next COMMIT, once.
    pub fn cut_next(&self, cut: Cut) {
        self.armed.store(cut as u8, Ordering::SeqCst);
    }

    /// Whether the cut has been made.
    pub fn has_cut(&self) -> bool {
        self.armed.load(Ordering::SeqCst) == 0
    }
}

async fn pass(mut client: TcpStream, server: String, armed: Arc<AtomicU8>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(bytes @ 1..) = read else { return };
                let commit = up[..bytes].windows(7).any(|window| window == b"COMMIT\0");
                let cut = if commit { armed.swap(0, Ordering::SeqCst) } else { 0 };
                if cut == Cut::Before as u8 {
                    return;
                }
                if server.write_all(&up[..bytes]).await.is_err() {
                    return;
                }
                if cut == Cut::After as u8 {
                    drop(client);
                    // The database finishes undisturbed while the client already asks elsewhere.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(bytes @ 1..) = read else { return };
                if client.write_all(&down[..bytes]).await.is_err() {
                    return;
                }
            }
        }
    }
}
