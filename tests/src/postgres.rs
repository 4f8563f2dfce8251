//! PostgreSQL for tests: a database per test, in one cluster per test process.
//!
//! With `TEST_DATABASE_URL` (a `postgres://` URL of a database in which others may be created)
//! that server is used; the tests' databases stay there, named `railgraph_test_…`. Otherwise a
//! cluster of our own is started in a temporary folder, from the programs of an installed
//! PostgreSQL, and ends with the test process. Where there is neither, [`database`] gives `None`
//! after one loud line, and panics where the environment has `CI`. A [`Cluster`] is for those who
//! kill it.

use std::env;
use std::fs;
use std::io::{self, Read, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _};

use crate::failing_disk::{FailingSyncs, SmallDisk};

/// Where distributions put the programs when they are not in the path.
const USUAL_PLACES: [&str; 4] = [
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
];

/// How long a cluster may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts PostgreSQL and stops it when its own standard input closes, that is when the test
/// process ends in whatever way. Then it removes the folder.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" >"$2/log" 2>&1 &
server=$!
echo $server
while read -r _; do :; done
kill -INT $server
wait $server
rm -rf "$2"
"#;

#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
fn test_database_url() -> Option<String> {
    env::var("TEST_DATABASE_URL").ok()
}

/// Where databases can be created.
struct Server {
    /// Up to the database's name, and what follows it.
    url: (String, String),
    /// Closing it ends the cluster; a static is never dropped, so the end of the process does.
    _keeper: Option<(Child, ChildStdin)>,
}

impl Server {
    fn url_of(&self, database: &str) -> String {
        format!("{}{database}{}", self.url.0, self.url.1)
    }
}

/// The URL of a new, empty database, or `None` without PostgreSQL.
///
/// # Panics
///
/// When PostgreSQL is there but does not work, or is missing in CI.
pub async fn database() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(server).as_ref()?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("railgraph_test_{}_{number}", std::process::id());
    let admin_url = test_database_url().unwrap_or_else(|| server.url_of("postgres"));
    let mut admin = connect(&admin_url).await;
    for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.expect("a new database");
    }
    admin.close().await.expect("a closed connection");
    Some(server.url_of(&name))
}

async fn connect(url: &str) -> sqlx::PgConnection {
    sqlx::PgConnection::connect(url).await.expect("PostgreSQL for tests answers")
}

fn server() -> Option<Server> {
    if let Some(url) = test_database_url() {
        return Some(Server { url: split_url(&url), _keeper: None });
    }
    let Some(programs) = programs() else {
        assert!(env::var_os("CI").is_none(), "PostgreSQL is missing, and in CI it must not be");
        let line = "\n*** PostgreSQL IS NOT INSTALLED: half of the store's tests are SKIPPED. \
                    Install it or set TEST_DATABASE_URL. ***\n\n";
        // Past the test harness, which hides what a passing test prints.
        io::stderr().write_all(line.as_bytes()).expect("standard error");
        return None;
    };
    Some(start(&programs).expect("a PostgreSQL cluster for tests"))
}

/// A URL without its database's name: what comes before it and what after.
fn split_url(url: &str) -> (String, String) {
    let (base, query) = url
        .split_once('?')
        .map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
    let (before, _) = base.rsplit_once('/').expect("TEST_DATABASE_URL names a database");
    (format!("{before}/"), query)
}

/// The folder with `initdb` and `postgres`.
fn programs() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output().ok();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    let path = env::var_os("PATH").unwrap_or_default();
    told.into_iter().chain(env::split_paths(&path)).chain(USUAL_PLACES.map(PathBuf::from)).find(
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file(),
    )
}

fn start(programs: &Path) -> io::Result<Server> {
    let folder = tempfile::Builder::new().prefix("railgraph-pg-").tempdir()?.keep();
    // PostgreSQL refuses to run as root.
    let owner = owner_for(&folder)?;
    let command = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir(&folder);
        if let Some((user, group)) = owner {
            command.uid(user).gid(group);
        }
        command
    };
    let data = folder.join("data");
    let output = command(&programs.join("initdb"))
        .args(["--username=railgraph", "--auth=trust", "--encoding=UTF8", "--no-sync"])
        .args(["--locale=C", "--pgdata"])
        .arg(&data)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let port = free_port()?;
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
         max_connections = 300\nfsync = off\nfull_page_writes = off\nsynchronous_commit = off\n",
        folder.display()
    );
    let file = data.join("postgresql.conf");
    fs::write(&file, settings)?;
    let mut keeper = command(Path::new("/bin/sh"))
        .args(["-c", KEEPER, "keeper"])
        .args([programs, folder.as_path()])
        // A group of its own: an interrupt from the terminal ends the tests, and they end it.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let input = keeper.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
    wait_for(&data, &folder.join("log"))?;
    let url = (format!("postgres://railgraph@127.0.0.1:{port}/"), String::new());
    Ok(Server { url, _keeper: Some((keeper, input)) })
}

/// What is special about a cluster.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// It has a disk of its own, of so many megabytes.
    pub disk_megabytes: Option<u32>,
    /// Its log is not on that disk.
    pub has_log_elsewhere: bool,
    /// Its syncs can be made to fail.
    pub has_failing_syncs: bool,
}

/// A cluster of its own, which writes to the disk as one in production does and can be killed.
pub struct Cluster {
    programs: PathBuf,
    // Unmounted before its folder goes.
    disk: Option<SmallDisk>,
    syncs: Option<FailingSyncs>,
    folder: tempfile::TempDir,
    /// Of its log, where that is elsewhere.
    log_folder: Option<tempfile::TempDir>,
    owner: Option<(u32, u32)>,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Starts one; `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    ///
    /// Where it is, and does not start.
    pub fn start() -> Option<Self> {
        Self::start_as(&Setup::default())
    }

    /// Starts one; `None` where PostgreSQL is not installed, or there is no disk for it.
    ///
    /// # Panics
    ///
    /// Where there is, and it does not start.
    pub fn start_as(setup: &Setup) -> Option<Self> {
        let mut cluster = Self::in_new_folder(programs()?);
        let folder = cluster.folder.path();
        if let Some(megabytes) = setup.disk_megabytes {
            cluster.disk = Some(SmallDisk::mount(folder, megabytes)?);
            owner_for(folder).expect("a user for PostgreSQL");
        }
        cluster.syncs = setup.has_failing_syncs.then(|| FailingSyncs::compile(folder));
        // A gigabyte of log would not find room on a small disk.
        let (segment, log) = match setup.disk_megabytes {
            Some(_) => ("1", "min_wal_size = 2MB\nmax_wal_size = 8MB\n"),
            None => ("16", ""),
        };
        let mut initdb = cluster.command("initdb");
        initdb.args(["--username=railgraph", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--wal-segsize", segment, "--pgdata"]).arg(cluster.data());
        let log_folder = setup.has_log_elsewhere.then(|| {
            let folder = tempfile::Builder::new().prefix("railgraph-wal-").tempdir();
            let folder = folder.expect("a folder");
            owner_for(folder.path()).expect("a user for PostgreSQL");
            initdb.arg("--waldir").arg(folder.path());
            folder
        });
        let output = initdb.output().expect("initdb");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        cluster.log_folder = log_folder;
        cluster.write_settings(log);
        cluster.run();
        Some(cluster)
    }

    fn in_new_folder(programs: PathBuf) -> Self {
        let folder = tempfile::Builder::new().prefix("railgraph-pg-").tempdir().expect("a folder");
        let owner = owner_for(folder.path()).expect("a user for PostgreSQL");
        let port = free_port().expect("a port");
        let (disk, syncs, log_folder, server) = (None, None, None, None);
        Self { programs, disk, syncs, folder, log_folder, owner, port, server }
    }

    fn write_settings(&self, more: &str) {
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n\
             max_connections = 300\n{more}",
            self.port,
            self.folder.path().display()
        );
        fs::write(self.data().join("postgresql.conf"), settings).expect("its settings");
    }

    /// Its small disk.
    ///
    /// # Panics
    ///
    /// Where it was started without one.
    pub fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("a cluster with a small disk")
    }

    /// Its syncs.
    ///
    /// # Panics
    ///
    /// Where it was started as one whose syncs do not fail.
    pub fn syncs(&self) -> &FailingSyncs {
        self.syncs.as_ref().expect("a cluster whose syncs can fail")
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    ///
    /// Where the system does not say.
    pub fn has_ended(&mut self) -> bool {
        let server = self.server.as_mut();
        server.is_none_or(|server| server.try_wait().expect("its state").is_some())
    }

    /// Starts a streaming standby of it.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    #[must_use]
    pub fn standby(&self) -> Self {
        let mut standby = Self::in_new_folder(self.programs.clone());
        let output = standby
            .command("pg_basebackup")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "railgraph"])
            .args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "-D"])
            .arg(standby.data())
            .output()
            .expect("pg_basebackup");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        standby.write_settings("");
        standby.run();
        standby
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://railgraph@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills it with SIGKILL and starts it again; it is ready when this returns.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Stops it as an operator does, and waits until it has.
    ///
    /// # Panics
    ///
    /// Where it does not stop.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal(server.id(), "INT");
            server.wait().expect("its end");
        }
    }

    /// Starts one that was stopped; it is ready when this returns.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub fn start_again(&mut self) {
        self.run();
    }

    /// Stops all its processes where they are, or lets them go on.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn pause(&self, paused: bool) {
        let server = self.server.as_ref().expect("a running server").id();
        let children = format!("/proc/{server}/task/{server}/children");
        let children = fs::read_to_string(children).expect("its processes");
        for process in std::iter::once(server).chain(children.split(' ').flat_map(str::parse)) {
            signal(process, if paused { "STOP" } else { "CONT" });
        }
    }

    fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// The folder of all its files.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).stdout(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut command = self.command("postgres");
            if let Some(syncs) = &self.syncs {
                command.env("LD_PRELOAD", syncs.shim());
            }
            let server = command.arg("-D").arg(self.data()).stderr(Stdio::null()).spawn();
            let mut server = server.expect("PostgreSQL");
            // Until the processes of one that was killed have gone, it ends by itself.
            while let Ok(None) = server.try_wait() {
                if self.is_ready(server.id()) {
                    self.server = Some(server);
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("PostgreSQL does not start");
    }

    fn is_ready(&self, process: u32) -> bool {
        let status = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let lines: Vec<&str> = status.lines().map(str::trim).collect();
        lines.first() == Some(&process.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a process a signal; it may have ended by itself.
fn signal(process: u32, name: &str) {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -\"$1\" \"$2\"", "kill", name, &process.to_string()]);
    let _ = kill.stderr(Stdio::null()).status();
}

/// The user that a cluster runs as when we are root; the folder becomes that user's.
fn owner_for(folder: &Path) -> io::Result<Option<(u32, u32)>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let ids = fields
        .filter(|fields| fields[0] == "postgres")
        .find_map(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)));
    let (user, group) = ids.ok_or_else(|| io::Error::other("there is no user postgres"))?;
    chown(folder, Some(user), Some(group))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    Ok(Some((user, group)))
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until the cluster says that it takes connections.
fn wait_for(data: &Path, log: &Path) -> io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let mut status = String::new();
        if let Ok(mut file) = fs::File::open(data.join("postmaster.pid")) {
            file.read_to_string(&mut status)?;
        }
        if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(io::Error::other(fs::read_to_string(log).unwrap_or_default()))
}
