//! A client of graphql-transport-ws that says exactly what a test wants it to say.

use std::net::SocketAddr;
use std::time::Duration;

use async_graphql::futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long a message may be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A WebSocket to a server.
pub struct Socket(WebSocketStream<TcpStream>);

/// Headers of an opening handshake.
pub type Headers<'h> = &'h [(&'static str, &'h str)];

impl Socket {
    /// Opens one with the protocol.
    ///
    /// # Panics
    ///
    /// Where the server refuses it.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, Some("graphql-transport-ws"), &[]).await.expect("a WebSocket")
    }

    /// Opens one with another protocol, and more headers.
    ///
    /// # Errors
    ///
    /// The status with which the server refuses it.
    ///
    /// # Panics
    ///
    /// Where there is no such server.
    pub async fn open_with(
        address: SocketAddr,
        protocol: Option<&str>,
        headers: Headers<'_>,
    ) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self::over(stream, protocol, headers).await
    }

    /// Opens one over a connection.
    ///
    /// # Errors
    ///
    /// The status with which the server refuses it.
    ///
    /// # Panics
    ///
    /// Where the server does not answer in HTTP.
    pub async fn over(
        stream: TcpStream,
        protocol: Option<&str>,
        headers: Headers<'_>,
    ) -> Result<Self, u16> {
        let address = stream.peer_addr().expect("an address");
        let mut request =
            format!("ws://{address}/graphql/ws").into_client_request().expect("a request");
        let value = |text: &str| HeaderValue::from_str(text).expect("a header");
        if let Some(protocol) = protocol {
            request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value(protocol));
        }
        for (name, text) in headers {
            request.headers_mut().insert(*name, value(text));
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            // Where the server does not choose the protocol, this client goes no further.
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }

    /// Opens one and has it taken.
    pub async fn ready(address: SocketAddr, payload: Value) -> Self {
        let mut socket = Self::open(address).await;
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    /// Says it.
    ///
    /// # Panics
    ///
    /// Where the server has gone.
    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Says it to a server that may have gone, or not listen.
    ///
    /// # Errors
    ///
    /// Where the message is not taken in a short time.
    pub async fn try_say(&mut self, message: Value) -> Result<(), ()> {
        let sent = self.0.send(Message::text(message.to_string()));
        let sent = tokio::time::timeout(Duration::from_millis(500), sent).await;
        sent.map_err(|_| ())?.map_err(|_| ())
    }

    /// Sends a frame.
    ///
    /// # Panics
    ///
    /// Where the server has gone.
    pub async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("a server that listens");
    }

    /// Asks for an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    /// The next message, pings of the protocol left out.
    ///
    /// # Panics
    ///
    /// Where there is none, or it is no JSON.
    pub async fn hear(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return message;
                    }
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("expected a message, found {other:?}"),
            }
        }
    }

    /// The next message; none where nothing is said in this time.
    pub async fn hear_within(&mut self, time: Duration) -> Option<Value> {
        tokio::time::timeout(time, self.hear()).await.ok()
    }

    /// The next message, while each ping is answered; none where there is none in this time.
    ///
    /// # Panics
    ///
    /// Where the server has gone.
    pub async fn pinged_within(&mut self, time: Duration) -> Option<Value> {
        let until = tokio::time::Instant::now() + time;
        loop {
            let frame = tokio::time::timeout_at(until, self.0.next()).await.ok()?;
            match frame.expect("a frame").expect("a frame") {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return Some(message);
                    }
                    self.say(json!({ "type": "pong" })).await;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a message, found {other:?}"),
            }
        }
    }

    /// The next frame; none where there will be none.
    ///
    /// # Panics
    ///
    /// Where it does not come in time.
    pub async fn frame(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
        next.expect("a frame in time").and_then(Result::ok)
    }

    /// The code and reason with which the server closes; what it says before is left out.
    ///
    /// # Panics
    ///
    /// Where it does not close.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.frame().await {
                Some(Message::Close(Some(frame))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Message::Close(None)) | None => panic!("expected a close with a code"),
                Some(_) => {}
            }
        }
    }
}
