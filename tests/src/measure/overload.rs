//! Load: as much as is answered, and more than can be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::now;
use crate::app::traveller;

/// Connections over which more is offered than can be done.
const CONNECTIONS: usize = 1_024;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Ten filtered searches at once.
    Searches,
    /// A booking.
    Bookings,
}

/// Requests, each made when it is sent.
#[derive(Debug)]
pub struct Work {
    asked: Asked,
    date: String,
    itinerary: String,
    made: AtomicU64,
}

const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");

/// Ten searches that no table answers, of as many pairs of cities.
fn searches(date: &str) -> Value {
    const CITIES: [&str; 11] = [
        "London",
        "Paris",
        "Bruxelles",
        "Köln",
        "Berlin",
        "Wien",
        "Zürich",
        "Milano",
        "Madrid",
        "Amsterdam",
        "Praha",
    ];
    let fields = (0..10)
        .map(|nth| {
            let (from, to) = (CITIES[nth], CITIES[(nth + 4) % CITIES.len()]);
            format!(
                "a{nth}: itineraries(origin: {{name: \"{from}\"}}, destination: {{name: \
                 \"{to}\"}}, dateTime: {{date: \"{date}\"}}, coverage: ALL, filter: \
                 {{minTransferTime: \"PT20M\"}}, first: 3) {{ totalCount nodes {{ id departure \
                 arrival }} }} "
            )
        })
        .collect::<Vec<_>>()
        .concat();
    json!({ "query": format!("{{ {fields} }}") })
}

impl Work {
    /// What is asked for, on a day that the server's network has.
    ///
    /// # Panics
    ///
    /// Where the server does not answer as it should.
    pub async fn prepare(address: SocketAddr, asked: Asked) -> Self {
        let date = (now().date_naive() + chrono::Days::new(30)).to_string();
        let mut work = Self { asked, date, itinerary: String::new(), made: AtomicU64::new(0) };
        let mut connection = Connection::open(address).await.expect("a connection");
        let find = json!({ "query": format!(
            "{{ itineraries(origin: {{name: \"London\"}}, destination: {{name: \"Wien\"}}, \
             dateTime: {{date: \"{}\"}}) {{ nodes {{ id }} }} }}", work.date
        ) });
        let (_, body) = connection.ask(&request(&find)).await.expect("an answer");
        let found: Value = serde_json::from_slice(&body).expect("JSON");
        let id = found["data"]["itineraries"]["nodes"][0]["id"].as_str();
        id.expect("an itinerary").clone_into(&mut work.itinerary);
        let (status, body) = connection.ask(&work.next()).await.expect("an answer");
        let text = String::from_utf8_lossy(&body);
        assert!(status == 200 && !text.contains("\"errors\""), "{status}: {text}");
        work
    }

    fn next(&self) -> Vec<u8> {
        match self.asked {
            Asked::Searches => request(&searches(&self.date)),
            Asked::Bookings => {
                let number = format!("L{}", self.made.fetch_add(1, Ordering::Relaxed));
                let input = json!({
                    "itineraryId": self.itinerary,
                    "travellers": [traveller("Load", "Load", &number, 30)],
                });
                request(&json!({ "query": BOOK, "variables": { "input": input } }))
            }
        }
    }
}

fn request(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/graphql-response+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// The status and the body of the answer.
    async fn ask(&mut self, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let mut whole = None;
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            whole = whole.or_else(|| parts(&self.answer));
            if let Some((status, start, length)) = whole
                && self.answer.len() >= start + length
            {
                return Ok((status, self.answer[start..start + length].to_vec()));
            }
        }
    }
}

/// The status of an answer, where its body begins and how long it is, once all headers are there.
fn parts(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = headers.split(' ').nth(1)?.parse().ok()?;
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some((status, end + 4, length.trim().parse().ok()?))
}

/// Answers a second, with so many callers who each wait for theirs. Refusals are no answers.
///
/// # Panics
///
/// Where an answer is neither.
pub async fn best(address: SocketAddr, work: &Work, callers: usize, time: Duration) -> f64 {
    let stop = AtomicBool::new(false);
    let done = AtomicU64::new(0);
    let each = async || {
        let mut connection = Connection::open(address).await.expect("a connection");
        while !stop.load(Ordering::Relaxed) {
            let (status, _) = connection.ask(&work.next()).await.expect("an answer");
            // With many callers there may be too much to do already.
            assert!(matches!(status, 200 | 503), "{status}");
            done.fetch_add(u64::from(status == 200), Ordering::Relaxed);
        }
    };
    let measured = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (before, began) = (done.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(time).await;
        let rate = (done.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        rate
    };
    let callers = futures_join((0..callers).map(|_| each()));
    tokio::join!(callers, measured).1
}

/// Waits for all of them, on this task.
async fn futures_join(futures: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut pinned: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        pinned.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if pinned.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// What came of what was offered.
#[derive(Debug, Default)]
pub struct Offered {
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that should have been sent, and for which no connection was free.
    pub late: u64,
    /// Answers with data.
    pub good: u64,
    /// Refusals, each with a time to wait.
    pub refused: u64,
    /// Anything else.
    pub failed: u64,
    /// How long answers took, ascending.
    pub good_times: Vec<Duration>,
    /// How long refusals took, ascending.
    pub refusal_times: Vec<Duration>,
}

/// Sends so many requests a second, whether or not those before are answered.
///
/// # Panics
///
/// Where the server takes no connection.
pub async fn offer(address: SocketAddr, work: &Work, rate: f64, time: Duration) -> Offered {
    let mut open = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        open.push(Connection::open(address).await.expect("a connection"));
    }
    let mut offered = Offered::default();
    let mut asked = JoinSet::new();
    let (began, mut due) = (Instant::now(), 0_u64);
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    while began.elapsed() < time {
        tokio::select! {
            _ = ticks.tick() => {
                let until = (began.elapsed().as_secs_f64() * rate) as u64;
                for _ in due..until {
                    match open.pop() {
                        Some(connection) => {
                            offered.sent += 1;
                            asked.spawn(timed(connection, work.next()));
                        }
                        None => offered.late += 1,
                    }
                }
                due = until;
            }
            Some(answered) = asked.join_next(), if !asked.is_empty() => {
                offered.count(answered.ok(), &mut open);
            }
        }
    }
    // Those that are still under way were not answered in the time, and are no goodput; that they
    // are answered at all is counted.
    let good = offered.good;
    while let Some(answered) = asked.join_next().await {
        offered.count(answered.ok(), &mut open);
    }
    offered.good = good;
    offered.good_times.sort();
    offered.refusal_times.sort();
    offered
}

type Answered = (Option<Connection>, u16, bool, Duration);

async fn timed(mut connection: Connection, request: Vec<u8>) -> Answered {
    let began = Instant::now();
    match tokio::time::timeout(PATIENCE, connection.ask(&request)).await {
        Ok(Ok((status, body))) => {
            let is_overload = body.windows(12).any(|it| it == b"\"OVERLOADED\"");
            (Some(connection), status, is_overload, began.elapsed())
        }
        _ => (None, 0, false, began.elapsed()),
    }
}

impl Offered {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.late += other.late;
        self.good += other.good;
        self.refused += other.refused;
        self.failed += other.failed;
        self.good_times.extend(other.good_times);
        self.refusal_times.extend(other.refusal_times);
        self.good_times.sort();
        self.refusal_times.sort();
    }

    fn count(&mut self, answered: Option<Answered>, open: &mut Vec<Connection>) {
        let Some((connection, status, is_overload, time)) = answered else {
            self.failed += 1;
            return;
        };
        open.extend(connection);
        match (status, is_overload) {
            (200, false) => {
                self.good += 1;
                self.good_times.push(time);
            }
            (503, true) => {
                self.refused += 1;
                self.refusal_times.push(time);
            }
            _ => self.failed += 1,
        }
    }
}

/// What came of slow connections.
#[derive(Debug)]
pub struct Closed {
    /// How long the last of them was open.
    pub longest: Duration,
    /// How many the server has closed.
    pub by_server: usize,
    /// Requests of others meanwhile.
    pub asked: u64,
    /// Those that were answered.
    pub answered: u64,
    /// How long the slowest answer took.
    pub slowest_answer: Duration,
}

/// How long a slow connection is watched.
const WATCHED: Duration = Duration::from_secs(30);

/// Opens connections that say nothing, half of their headers, a header byte by byte, or a body byte
/// by byte, and waits until they are closed.
///
/// # Panics
///
/// Where the server takes no connection.
pub async fn slow(address: SocketAddr, count: usize) -> Closed {
    const HEAD: &str = "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let done = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(ask_meanwhile(address, Arc::clone(&done)));
    let mut tasks = JoinSet::new();
    for nth in 0..count {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let body = format!("{HEAD}content-length: 1000\r\n\r\n");
        let (first, drip) = match nth % 4 {
            0 => (String::new(), ""),
            1 => (HEAD.to_owned(), ""),
            2 => (HEAD.to_owned(), "x"),
            _ => (body, " "),
        };
        tasks.spawn(async move {
            let began = Instant::now();
            let mut bytes = [0; 1_024];
            let mut is_open = stream.write_all(first.as_bytes()).await.is_ok();
            while is_open && began.elapsed() < WATCHED {
                let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut bytes));
                is_open = match read.await {
                    Ok(read) => read.is_ok_and(|read| read > 0),
                    Err(_) => stream.write_all(drip.as_bytes()).await.is_ok(),
                };
            }
            (began.elapsed(), !is_open)
        });
    }
    let ended = tasks.join_all().await;
    done.store(true, Ordering::Relaxed);
    let (asked, answered, slowest_answer) = others.await.expect("a task");
    Closed {
        longest: ended.iter().map(|(time, _)| *time).max().unwrap_or_default(),
        by_server: ended.iter().filter(|(_, is_closed)| *is_closed).count(),
        asked,
        answered,
        slowest_answer,
    }
}

async fn ask_meanwhile(address: SocketAddr, done: Arc<AtomicBool>) -> (u64, u64, Duration) {
    let request = request(&json!({ "query": "{ network { version } }" }));
    let (mut asked, mut answered, mut slowest) = (0, 0, Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        asked += 1;
        let mut connection = Connection::open(address).await.expect("a connection");
        if connection.ask(&request).await.is_ok_and(|(status, _)| status == 200) {
            answered += 1;
        }
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (asked, answered, slowest)
}
