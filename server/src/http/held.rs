//! What a connection has for as long as it is open, whatever becomes of it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::open::Counted;

/// A connection's place among all. Requests carry it, so that a WebSocket keeps the place of the
/// connection that it was.
#[derive(Clone)]
pub struct Held {
    _place: Arc<(Counted, mpsc::Sender<()>)>,
    stop: watch::Receiver<()>,
}

impl Held {
    /// Counted, waited for when the server ends, and told when it does.
    pub fn new(counted: Counted, alive: mpsc::Sender<()>, stop: watch::Receiver<()>) -> Self {
        Self { _place: Arc::new((counted, alive)), stop }
    }

    /// Done when the server ends.
    pub async fn stopped(&mut self) {
        let _ = self.stop.changed().await;
    }
}
