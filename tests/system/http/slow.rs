//! Callers that are slow: half-sent headers and bodies, answers that nobody reads, connections
//! that are kept. Each is closed in its time, and costs nobody else anything.

use std::time::{Duration, Instant};

use serde_json::json;
use server::http::{Limits, Trusted};
use tests::app::{self, Server};
use tests::feed::{self, CITIES};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server on which everything takes this many milliseconds at most.
async fn server(milliseconds: u64) -> Server {
    let limits = Limits {
        header_ms: milliseconds,
        body_ms: milliseconds,
        idle_ms: 4 * milliseconds,
        ..Limits::default()
    };
    app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await
}

/// What the server says until it closes the connection, and after how long it does.
async fn rest(stream: &mut TcpStream) -> (String, Duration) {
    let started = Instant::now();
    let mut bytes = Vec::new();
    let patience = Duration::from_secs(15);
    let read = tokio::time::timeout(patience, stream.read_to_end(&mut bytes)).await;
    // A reset closes a connection, too.
    let _ = read.expect("the connection is closed");
    (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
}

async fn half_sent(server: &Server, text: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("sent");
    rest(&mut stream).await.0
}

const HEADERS: &str =
    "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn what_is_half_sent_is_closed() {
    let server = server(200).await;
    // Nothing, half a method, half of the headers, half of HTTP/2's preface, and its headers.
    for text in ["", "PO", HEADERS, "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let answer = half_sent(&server, text).await;
        assert!(!answer.contains(" 200 "), "{text}: {answer}");
    }
    let body = format!("{HEADERS}content-length: 100\r\n\r\n{{\"query\":");
    let answer = half_sent(&server, &body).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("BODY_TIMEOUT"), "{answer}");
    let chunk = format!("{HEADERS}transfer-encoding: chunked\r\n\r\n5\r\n{{\"que\r\n");
    assert!(half_sent(&server, &chunk).await.contains("BODY_TIMEOUT"));
    assert_eq!(server.data("{ __typename }", json!({})).await["__typename"], "Query");
}

#[tokio::test]
async fn headers_byte_by_byte_are_closed() {
    let server = server(300).await;
    for text in [HEADERS, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        let (mut reading, mut writing) = stream.into_split();
        let started = Instant::now();
        let drip = tokio::spawn(async move {
            // Never to the end, so that there is no request.
            for byte in text.as_bytes().iter().take(text.len() - 1).cycle() {
                if writing.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        let mut bytes = Vec::new();
        let _ = reading.read_to_end(&mut bytes).await;
        drip.abort();
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let server = server(100).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let request = "GET /graphiql/graphiql.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let started = Instant::now();
    // Answers pile up until the socket's buffers are full, and then nothing moves.
    loop {
        let sent = stream.write_all(request.as_bytes()).await;
        if sent.is_err() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(15), "the connection is never closed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends a question on a connection, and reads what comes until its answer is there.
async fn ask(stream: &mut TcpStream) -> String {
    let body = r#"{"query":"{ __typename }"}"#;
    let request = format!("{HEADERS}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}}") {
        let mut bytes = [0; 4_096];
        let read = stream.read(&mut bytes).await.expect("an answer");
        assert!(read > 0, "closed without an answer");
        answer.extend_from_slice(&bytes[..read]);
    }
    String::from_utf8(answer).expect("an answer is text").to_ascii_lowercase()
}

#[tokio::test]
async fn an_old_connection_is_told_which_answer_is_its_last() {
    let limits = Limits { connection_ms: 300, ..Limits::default() };
    let server = app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    assert!(!ask(&mut stream).await.contains("connection: close"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    let last = ask(&mut stream).await;
    assert!(last.starts_with("http/1.1 200"), "{last}");
    assert!(last.contains("\r\nconnection: close\r\n"), "{last}");
    let (nothing, taken) = rest(&mut stream).await;
    assert_eq!(nothing, "");
    assert!(taken < Duration::from_secs(1), "{taken:?}");
}

/// The kinds of the frames of HTTP/2 that come until the connection is closed, while something
/// moves on it all the time. What the server asks by a ping is answered, or never.
async fn frames(stream: &mut TcpStream, answers: bool) -> Vec<u8> {
    const PING: u8 = 6;
    const ACK: u8 = 1;
    let (mut reading, mut writing) = stream.split();
    let (tell_payload, mut payloads) = tokio::sync::mpsc::unbounded_channel();
    let pings = async move {
        loop {
            let next = tokio::time::timeout(Duration::from_millis(50), payloads.recv()).await;
            let (flags, payload) =
                next.map_or((0, *b"railgrap"), |told| (ACK, told.expect("the other half")));
            let frame = [&[0, 0, 8, PING, flags, 0, 0, 0, 0], &payload[..]].concat();
            // It may be closed: the other half hears of that.
            let _ = writing.write_all(&frame).await;
        }
    };
    let kinds = async move {
        let mut kinds = Vec::new();
        let mut head = [0; 9];
        while reading.read_exact(&mut head).await.is_ok() {
            let [_, high, low, kind, flags, ..] = head;
            let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
            reading.read_exact(&mut payload).await.expect("a whole frame");
            if answers && kind == PING && flags & ACK == 0 {
                tell_payload.send(payload.try_into().expect("eight bytes")).expect("heard");
            }
            kinds.push(kind);
        }
        kinds
    };
    tokio::select! {
        kinds = kinds => kinds,
        () = pings => unreachable!("it never ends"),
    }
}

/// How long a connection over HTTP/2 is open that is old after a second, and is told so.
async fn old_over_http_2(answers: bool, drain_ms: u64) -> Duration {
    const GOAWAY: u8 = 7;
    let limits = Limits { connection_ms: 300, idle_ms: 700, drain_ms, ..Limits::default() };
    let server = app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.expect("sent");
    let started = Instant::now();
    let kinds = frames(&mut stream, answers).await;
    assert!(kinds.contains(&GOAWAY), "{kinds:?}");
    started.elapsed()
}

#[tokio::test]
async fn an_old_connection_over_http_2_is_told_to_go_away() {
    let taken = old_over_http_2(true, 20_000).await;
    assert!(taken > Duration::from_millis(900) && taken < Duration::from_secs(5), "{taken:?}");
}

#[tokio::test]
async fn an_old_connection_that_does_not_go_is_cut() {
    let taken = old_over_http_2(false, 1_000).await;
    assert!(taken > Duration::from_millis(1_900) && taken < Duration::from_secs(6), "{taken:?}");
}

#[tokio::test]
async fn hundreds_of_slow_connections_are_closed_and_keep_nobody_waiting() {
    let server = server(1_000).await;
    let mut streams = Vec::new();
    for _ in 0..400 {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(HEADERS.as_bytes()).await.expect("sent");
        streams.push(stream);
    }
    assert_eq!(server.data("{ __typename }", json!({})).await["__typename"], "Query");
    let started = Instant::now();
    for stream in &mut streams {
        rest(stream).await;
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
