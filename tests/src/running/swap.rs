//! New network files under load: each takes over, no request fails, no answer is mixed from two,
//! and what is no network file is refused.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rkyv::rancor;
use schema::{NetworkFile, encode};
use serde_json::{Value, json};
use server::http::Clock;
use server::network_file;
use server::networks::{Networks, Reading, Watch};
use server::search::Network;

use super::load::{Load, Report};
use super::process::{Process, Program, ask};
use crate::app;
use crate::random::Random;

/// Two searches and the version: read by the executor.
const TOGETHER: &str = "query($from: String!, $to: String!, $date: Date!) {
  network { version }
  there: itineraries(origin: {name: $from}, destination: {name: $to}, dateTime: {date: $date}) {
    nodes { id price { amount } legs { departure price { amount } } }
  }
  back: itineraries(origin: {name: $to}, destination: {name: $from}, dateTime: {date: $date}) {
    nodes { id price { amount } legs { departure price { amount } } }
  }
}";

/// The same without the version: answered without the executor.
const DIRECT: &str = "query($from: String!, $to: String!, $date: Date!) {
  there: itineraries(origin: {name: $from}, destination: {name: $to}, dateTime: {date: $date}) {
    nodes { id price { amount } legs { departure price { amount } } }
  }
  back: itineraries(origin: {name: $to}, destination: {name: $from}, dateTime: {date: $date}) {
    nodes { id price { amount } legs { departure price { amount } } }
  }
}";

/// What is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub program: Program,
    /// A network file; the others differ from it in all their fares.
    pub base: Vec<u8>,
    /// Two cities and a date on which one can travel from one to the other and back.
    pub question: (&'static str, &'static str, String),
    /// Files that take over, one after the other.
    pub files: u32,
    /// Searches a second all the while.
    pub requests_per_s: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// All searches.
    pub report: Report,
    /// Files that took over, by the server's own log.
    pub taken: usize,
    /// Bad files put in their place, and those refused, by its log.
    pub bad: (usize, usize),
    /// Versions that answers were of.
    pub versions: usize,
    /// From a file's rename to the first answer of it: the longest, in milliseconds.
    pub longest_ms: f64,
    /// Bytes of memory after the first swaps, at the most, and at the end.
    pub memory_bytes: [u64; 3],
}

/// The network file with so many cents added to all fares.
///
/// # Panics
///
/// Where the bytes are no network file.
pub fn variant(base: &[u8], cents: u32) -> Vec<u8> {
    let mut aligned = rkyv::util::AlignedVec::<16>::new();
    aligned.extend_from_slice(base);
    let file = NetworkFile::open(aligned).expect("a network file");
    let mut network: schema::Network =
        rkyv::deserialize::<_, rancor::Error>(file.view().archived()).expect("a network");
    for fare in &mut network.fares {
        for price in [&mut fare.first, &mut fare.second] {
            if *price != schema::NONE {
                *price += cents;
            }
        }
    }
    encode(&network, [0; 32], "test").expect("bytes").to_vec()
}

/// Swaps files under load.
///
/// # Panics
///
/// Where the server does not do what it should at all.
pub async fn run(plan: &Plan) -> Found {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::new(folder.path());
    let (from, to, date) = &plan.question;
    let variables = json!({ "from": from, "to": to, "date": date });
    let files: Vec<Vec<u8>> = (0..=plan.files).map(|at| variant(&plan.base, at)).collect();
    let expected = Arc::new(expected(&files, &variables).await);
    place.put(&files[0], How::Renamed);
    let arguments = ["--network", "network.railgraph", "--network-poll-ms", "50"];
    let server = Process::start(&plan.program, folder.path(), &arguments);
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let load = {
        let (origin, http) = (server.origin.clone(), reqwest::Client::new());
        let (seen, expected) = (Arc::clone(&seen), Arc::clone(&expected));
        Load::start(plan.requests_per_s, move |nth| {
            let (http, origin, variables) = (http.clone(), origin.clone(), variables.clone());
            let (seen, expected) = (Arc::clone(&seen), Arc::clone(&expected));
            async move {
                let query = if nth % 2 == 0 { TOGETHER } else { DIRECT };
                let answer = ask(&http, &origin, query, &variables).await?;
                let version = expected.version_of(&answer)?;
                *seen.lock().expect("versions").entry(version).or_insert(0) += 1;
                Ok(())
            }
        })
    };
    let (mut memory_bytes, mut longest_ms, mut bad) = ([0; 3], 0.0_f64, 0);
    for (at, file) in files.iter().enumerate().skip(1) {
        bad += spoil(&place, &server, file, at, bad).await;
        let begun = Instant::now();
        place.put(file, How::of(at));
        let version = &expected.versions[at];
        let is_seen = || seen.lock().expect("versions").contains_key(version);
        server.until("the new file answers", |_| is_seen()).await;
        longest_ms = longest_ms.max(begun.elapsed().as_secs_f64() * 1e3);
        let now = server.memory_bytes();
        memory_bytes[1] = memory_bytes[1].max(now);
        if at == files.len().min(11) - 1 {
            memory_bytes[0] = now;
        }
    }
    // What the last requests used is let go at the next look.
    let report = load.end().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    memory_bytes[2] = server.memory_bytes();
    let versions = seen.lock().expect("versions").len();
    let (taken, refused) = (server.logged("network.taken"), server.logged("network.refused"));
    Found { report, taken, bad: (bad, refused), versions, longest_ms, memory_bytes }
}

/// Puts a bad file in the place of the one that answers, in one of several ways, and waits until it
/// is refused; says how many were put there.
async fn spoil(place: &Place, server: &Process, file: &[u8], at: usize, refused: usize) -> usize {
    let mut bytes = file.to_vec();
    match at % 5 {
        0 => bytes.truncate(bytes.len() / 2),
        1 => bytes[..8].copy_from_slice(b"PK\x03\x04\0\0\0\0"),
        2 => bytes[8..12].copy_from_slice(&0_u32.to_le_bytes()),
        3 => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        }
        _ => bytes.clear(),
    }
    place.put(&bytes, if at.is_multiple_of(2) { How::InPlace } else { How::Renamed });
    server.until("a bad file is refused", |it| it.logged("network.refused") > refused).await;
    1
}

/// Checks that every truncation of a file is refused, and so many single flipped bits; the files
/// are written over each other in place. The results are what was tried and what was not refused.
///
/// # Panics
///
/// Where files cannot be written.
pub async fn refuse_all(base: &[u8], flips: usize, seed: u64) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("network.railgraph");
    fs::write(&path, base).expect("a file");
    let clock: Clock = Arc::new(|| app::moment(app::NOW));
    let network = network_file::load(&path).expect("a network").network;
    let networks = Networks::new(network, clock());
    let mut watch = Watch::new(&path, clock);
    let (mut random, mut wrong) = (Random::of(seed), Vec::new());
    let cuts = (0..base.len()).map(|length| (format!("cut to {length}"), base[..length].to_vec()));
    let flips = (0..flips).map(|_| {
        let (at, bit) = (random.below(base.len()), random.below(8));
        let mut bytes = base.to_vec();
        bytes[at] ^= 1 << bit;
        (format!("bit {bit} of byte {at} flipped"), bytes)
    });
    let mut tried = 0;
    for (what, bytes) in cuts.chain(flips) {
        fs::write(&path, &bytes).expect("a file");
        if watch.read(&networks).await != Reading::Refused {
            wrong.push(what);
        }
        tried += 1;
    }
    if networks.stats().swaps != 0 {
        wrong.push("the network was replaced".to_owned());
    }
    (tried, wrong)
}

/// How a file comes to its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Renamed to the file that the path leads to.
    Renamed,
    /// Written over it.
    InPlace,
    /// In a new folder, to which a link is changed, as Kubernetes does it.
    Linked,
}

impl How {
    fn of(at: usize) -> Self {
        [Self::Renamed, Self::InPlace, Self::Linked][at % 3]
    }
}

/// `network.railgraph` → `..data/network.railgraph`, `..data` → a folder.
struct Place {
    folder: PathBuf,
    count: Mutex<u32>,
}

impl Place {
    fn new(folder: &Path) -> Self {
        symlink("..data/network.railgraph", folder.join("network.railgraph")).expect("a link");
        let place = Self { folder: folder.to_owned(), count: Mutex::new(0) };
        place.link(b"");
        place
    }

    fn put(&self, bytes: &[u8], how: How) {
        let real = self.folder.join("..data/network.railgraph");
        match how {
            How::InPlace => fs::write(&real, bytes).expect("a file"),
            How::Renamed => {
                let new = self.folder.join("new");
                fs::write(&new, bytes).expect("a file");
                fs::rename(&new, fs::canonicalize(&real).expect("a path")).expect("a rename");
            }
            How::Linked => self.link(bytes),
        }
    }

    fn link(&self, bytes: &[u8]) {
        let mut count = self.count.lock().expect("a count");
        *count += 1;
        let name = format!("..{}", *count);
        fs::create_dir(self.folder.join(&name)).expect("a folder");
        fs::write(self.folder.join(&name).join("network.railgraph"), bytes).expect("a file");
        symlink(&name, self.folder.join("..data_new")).expect("a link");
        fs::rename(self.folder.join("..data_new"), self.folder.join("..data")).expect("a rename");
    }
}

/// What each network answers.
struct Expected {
    versions: Vec<String>,
    /// The searches' answer as text, and the version it is of.
    answers: HashMap<String, String>,
}

impl Expected {
    /// The version that an answer is of; an error where it is of none, or of two.
    fn version_of(&self, answer: &Value) -> Result<String, String> {
        let data = &answer["data"];
        let found = self.answers.get(&searches(data));
        let found = found.ok_or_else(|| format!("no network answers {answer}"))?;
        match data["network"]["version"].as_str() {
            Some(said) if said != found => Err(format!("{said} answers what {found} does")),
            _ => Ok(found.clone()),
        }
    }
}

fn searches(data: &Value) -> String {
    json!([data["there"], data["back"]]).to_string()
}

async fn expected(files: &[Vec<u8>], variables: &Value) -> Expected {
    let (mut versions, mut answers) = (Vec::new(), HashMap::new());
    let aligned = |bytes: &[u8]| {
        let mut aligned = rkyv::util::AlignedVec::<16>::new();
        aligned.extend_from_slice(bytes);
        Network::open(Box::new(aligned)).expect("a network")
    };
    let server = app::on_sqlite(aligned(&files[0])).await;
    for file in files {
        server.networks.replace(aligned(file), app::moment(app::NOW));
        let data = server.data(TOGETHER, variables.clone()).await;
        let version = data["network"]["version"].as_str().expect("a version").to_owned();
        assert_ne!(data["there"]["nodes"], json!([]));
        versions.push(version.clone());
        answers.insert(searches(&data), version);
    }
    assert_eq!(answers.len(), files.len(), "the answers tell the networks apart");
    Expected { versions, answers }
}
