//! What a server of this process logs.

use std::io;
use std::sync::{Arc, Mutex};

/// What was logged at warn and error by the server while this stands.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a test on one thread and says what was logged at warn and error meanwhile.
///
/// # Panics
/// When the test does.
pub fn logged(test: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // The subscriber is this thread's, so everything of the server runs on it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    tracing::subscriber::with_default(subscriber, || runtime.block_on(test));
    let text = log.0.lock().expect("the log").clone();
    String::from_utf8_lossy(&text).into_owned()
}
