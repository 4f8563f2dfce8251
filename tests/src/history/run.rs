//! Whole runs: servers, load, faults, and the database at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use server::store::{KeyFile, Randomness, Step};

use super::bugs::Bug;
use super::process::{Death, Server, Settings, open};
use super::workload::{Summary, Workload};
use crate::postgres::Cluster;
use crate::proxy::Proxy;
use crate::random::Random;

/// What is done to the servers in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    None,
    /// A server is killed at a random moment.
    Kill,
    /// A server dies at a step of a transaction.
    KillAtStep,
    /// A server is stopped for half a second.
    Pause,
    /// Commits are cut off, before and after the database gets them.
    Cut,
    /// Every statement takes two milliseconds longer.
    Latency,
    /// PostgreSQL is killed.
    KillDatabase,
    /// A server starts again with a clock that is an hour wrong.
    Clock,
}

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program with the subcommand `serve`.
    pub program: PathBuf,
    /// On PostgreSQL, with two servers; else on SQLite, with one.
    pub postgres: bool,
    /// How many rounds.
    pub rounds: usize,
    /// How long a round is.
    pub round: Duration,
    /// One of these in each round, by chance.
    pub faults: Vec<Fault>,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// How a run went.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What callers saw.
    pub summary: Summary,
    /// Faults, and how often each.
    pub faults: Vec<(Fault, usize)>,
    /// Processes that were killed or died, PostgreSQL apart.
    pub server_kills: usize,
    /// How often PostgreSQL was killed.
    pub database_kills: usize,
    /// From a start to being ready, at most.
    pub ready_ms_max: u128,
    /// Acknowledged trips of two travellers.
    pub groups: usize,
}

struct Run {
    plan: Plan,
    servers: Vec<Server>,
    cluster: Option<Cluster>,
    proxy: Option<Proxy>,
    random: Random,
    report: Report,
}

/// Runs the plan. `None` where PostgreSQL is wanted and missing.
///
/// # Panics
///
/// Where the servers do not start.
pub async fn run(plan: Plan, bug: Option<&Bug>) -> Option<Report> {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys");
    KeyFile::generate(&Randomness::system()).expect("keys").save(&keys).expect("a key file");
    let (cluster, proxy, url) = database(&plan, folder.path()).await?;
    let own_url = cluster.as_ref().map_or_else(|| url.clone(), Cluster::url);
    let settings = Settings { program: plan.program.clone(), url, keys: keys.clone() };
    let servers = if plan.postgres { 2 } else { 1 };
    let servers = (0..servers).map(|_| Server::new(settings.clone())).collect();
    let random = Random::of(plan.seed);
    let report = Report::default();
    let mut run = Run { plan, servers, cluster, proxy, random, report };
    for index in 0..run.servers.len() {
        run.start(index, 0, None);
    }
    let raw = sea_orm::Database::connect(&own_url).await.expect("the database");
    if let Some(bug) = bug
        && !bug.plant(&raw).await
    {
        return None;
    }
    let addresses = run.servers.iter().map(Server::address).collect();
    let workload = Workload::new(addresses).await;
    for round in 0..run.plan.rounds {
        let (load, length, seed) = (workload.clone(), run.plan.round, run.random.next());
        let load = tokio::spawn(async move { load.round(round, length, seed).await });
        run.fault().await;
        load.await.expect("the load");
    }
    run.quiet().await;
    run.report.summary = workload.finish().await;
    let groups = workload.groups();
    run.report.groups = groups.len();
    let raw = sea_orm::Database::connect(&own_url).await.expect("the database");
    let mut wrong = check_database(&raw, &groups).await;
    let store = open(&own_url, &keys, None).await;
    match store.verify_audit(None).await {
        Ok(report) => wrong.extend(report.findings),
        Err(error) => wrong.push(error.to_string()),
    }
    run.report.summary.violations.extend(wrong);
    Some(run.report)
}

async fn database(plan: &Plan, folder: &Path) -> Option<(Option<Cluster>, Option<Proxy>, String)> {
    if !plan.postgres {
        let url = format!("sqlite://{}/railgraph.sqlite", folder.display());
        return Some((None, None, url));
    }
    let cluster = Cluster::start()?;
    let (proxy, url) = Proxy::in_front_of(&cluster.url()).await;
    Some((Some(cluster), Some(proxy), url))
}

impl Run {
    fn start(&mut self, index: usize, clock_offset_s: i64, death: Option<Death>) {
        // Starting waits, and the load runs on the same threads.
        let server = &mut self.servers[index];
        let took = tokio::task::block_in_place(|| server.start(clock_offset_s, death));
        self.report.ready_ms_max = self.report.ready_ms_max.max(took.as_millis());
    }

    async fn wait(&mut self, longest: Duration) {
        let part = self.random.below(1_000) as u32;
        tokio::time::sleep(longest * part / 1_000).await;
    }

    /// One fault, at a random moment of the round.
    async fn fault(&mut self) {
        let fault = *self.random.of_slice(&self.plan.faults);
        match self.report.faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, count)) => *count += 1,
            None => self.report.faults.push((fault, 1)),
        }
        let half = self.plan.round / 2;
        self.wait(half).await;
        let index = self.random.below(self.servers.len());
        match fault {
            Fault::None => {}
            Fault::Kill => {
                self.servers[index].kill();
                self.report.server_kills += 1;
                self.start(index, 0, None);
            }
            Fault::KillAtStep => self.kill_at_step(index).await,
            Fault::Pause => {
                let server = &self.servers[index];
                tokio::task::block_in_place(|| server.pause(Duration::from_millis(500)));
            }
            Fault::Cut => {
                if let Some(proxy) = &self.proxy {
                    proxy.cut_one_in(7);
                    tokio::time::sleep(half).await;
                    proxy.cut_one_in(0);
                }
            }
            Fault::Latency => {
                if let Some(proxy) = &self.proxy {
                    proxy.delay(Duration::from_millis(2));
                    tokio::time::sleep(half).await;
                    proxy.delay(Duration::ZERO);
                }
            }
            Fault::KillDatabase => {
                if let Some(cluster) = &mut self.cluster {
                    tokio::task::block_in_place(|| cluster.kill_and_restart());
                    self.report.database_kills += 1;
                }
            }
            Fault::Clock => {
                let offset = if self.random.below(2) == 0 { 3_600 } else { -3_600 };
                self.servers[index].kill();
                self.report.server_kills += 1;
                self.start(index, offset, None);
            }
        }
    }

    /// Lets a server die at a step of a transaction that is under way, and starts it again.
    async fn kill_at_step(&mut self, index: usize) {
        let step = self.random.below(Step::ALL.len());
        let after = self.random.below(20) as u64;
        self.servers[index].kill();
        self.start(index, 0, Some(Death { step, after }));
        let until = tokio::time::Instant::now() + self.plan.round;
        while !self.servers[index].is_dead() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.servers[index].kill();
        self.report.server_kills += 1;
        self.start(index, 0, None);
    }

    /// Everybody up and well, and no fault any more.
    async fn quiet(&mut self) {
        for index in 0..self.servers.len() {
            if self.servers[index].is_dead() {
                self.start(index, 0, None);
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// What must hold in the database, whatever callers saw.
async fn check_database(raw: &DatabaseConnection, groups: &[String]) -> Vec<String> {
    let backend = raw.get_database_backend();
    let mut wrong = Vec::new();
    for (what, sql) in [
        (
            "trips without legs, reservations or tickets",
            "SELECT count(*) AS n FROM trips t WHERE \
             (SELECT count(*) FROM trip_legs l WHERE l.trip_id = t.id) <> t.stops + 1 OR \
             (SELECT count(*) FROM reservations r WHERE r.trip_id = t.id) = 0 OR \
             (SELECT count(*) FROM reservations r WHERE r.trip_id = t.id) <> \
             (SELECT count(*) FROM tickets k JOIN reservations r ON r.id = k.reservation_id \
              WHERE r.trip_id = t.id)",
        ),
        (
            "reservations in force twice",
            "SELECT count(*) AS n FROM (SELECT 1 AS one FROM reservations \
             WHERE status = 'CONFIRMED' \
             GROUP BY client_id, connection_signature, service_date HAVING count(*) > 1) AS x",
        ),
        ("ticket numbers twice", "SELECT count(*) - count(DISTINCT number) AS n FROM tickets"),
        ("references twice", "SELECT count(*) - count(DISTINCT reference) AS n FROM trips"),
        (
            "clients that are found by nothing",
            "SELECT count(*) AS n FROM clients c WHERE NOT EXISTS \
             (SELECT 1 FROM client_identities i WHERE i.client_id = c.id)",
        ),
    ] {
        let row = raw.query_one_raw(Statement::from_string(backend, sql)).await.expect("a row");
        let count: i64 = row.expect("a row").try_get("", "n").expect("a number");
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    for group in groups {
        let sql = format!(
            "SELECT count(*) AS n FROM reservations r JOIN trips t ON t.id = r.trip_id \
             WHERE t.reference = '{group}'"
        );
        let row = raw.query_one_raw(Statement::from_string(backend, sql)).await.expect("a row");
        let count: i64 = row.expect("a row").try_get("", "n").expect("a number");
        if count != 2 {
            wrong.push(format!("{group} was acknowledged for two and has {count}"));
        }
    }
    wrong
}
