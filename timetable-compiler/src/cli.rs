//! The command line: what may be written there, what is done, what is printed and the exit code.

mod arguments;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{CommandFactory, Parser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use schema::NetworkFile;
use serde_json::{Value, json};

use crate::compile::{CompileError, Compiled, Goal, Options, Outcome, ReadInput, Step, compile};
use crate::diff::Difference;
use crate::inspect::{Summary, read_aligned};
use crate::notice::{Code, Findings, Policy, Severity};
use crate::output::write_atomically;
use crate::page::{self, Compilation, Picture};
use crate::read::{FolderFile, Input, gtfs};
use crate::report::{self, Look, visible};
use arguments::{Arguments, Command, CompileArguments};

/// How long a build takes before its progress is shown.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// The data has errors, the file is no network file, or two network files differ.
    Errors = 1,
    /// The command line asks for what there is not.
    Usage = 2,
    /// A file could not be read or written, or a defect was met.
    Io = 3,
}

/// Where a run writes to.
pub struct Streams<'s> {
    /// Results.
    pub out: &'s mut dyn Write,
    /// Findings and errors.
    pub err: &'s mut dyn Write,
    /// Whether `err` may be coloured.
    pub colour: bool,
    /// Whether progress may be shown on the terminal that `err` is.
    pub progress: bool,
}

/// A failure that ends a run, with the sentence for the caller.
struct Failure {
    exit: Exit,
    sentence: String,
}

type Done = Result<Exit, Failure>;

impl Failure {
    fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self { exit: Exit::Io, sentence: format!("cannot {what} {}: {error}", path.display()) }
    }
}

/// A reader that goes away, such as `head`, is no failure.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure { exit: Exit::Io, sentence: format!("cannot write the result: {error}") })
        }
        _ => Ok(()),
    }
}

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Not locked: the progress bar is drawn to stderr from the threads that work.
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let is_terminal = err.is_terminal();
    // https://no-color.org: present and not empty, whatever its value.
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let streams = Streams {
        out: &mut out,
        err: &mut err,
        colour: is_terminal && !no_colour,
        progress: is_terminal,
    };
    ExitCode::from(run_with(arguments, streams) as u8)
}

/// The same with streams of the caller's own.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>, mut streams: Streams<'_>) -> Exit {
    let done = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => execute(arguments.command, &mut streams),
        Err(error) => return print_usage(&error, &mut streams),
    };
    done.unwrap_or_else(|failure| {
        // Nobody is left to be told if this cannot be written.
        let _ = writeln!(streams.err, "error: {}", failure.sentence);
        failure.exit
    })
}

fn print_usage(error: &clap::Error, streams: &mut Streams<'_>) -> Exit {
    let text = error.render();
    // Nobody is left to be told if this cannot be written.
    let _ = if error.use_stderr() && streams.colour {
        write!(streams.err, "{}", text.ansi())
    } else if error.use_stderr() {
        write!(streams.err, "{text}")
    } else {
        write!(streams.out, "{text}")
    };
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

fn execute(command: Command, streams: &mut Streams<'_>) -> Done {
    match command {
        Command::Build { output, compile } => run_compile(&compile, Some(&output), streams),
        Command::Check { compile } => run_compile(&compile, None, streams),
        Command::Inspect { file, json, html } => run_inspect(&file, json, html.as_deref(), streams),
        Command::Verify { file } => run_verify(&file, streams),
        Command::Diff { old, new, json, html } => {
            run_diff([&old, &new], json, html.as_deref(), streams)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "timetable-compiler", &mut text);
            written(streams.out.write_all(&text))?;
            Ok(Exit::Done)
        }
        Command::Explain { code } => {
            let text = code.map_or_else(report::codes, report::explain);
            written(streams.out.write_all(text.as_bytes()))?;
            Ok(Exit::Done)
        }
    }
}

fn run_compile(
    arguments: &CompileArguments,
    output: Option<&Path>,
    streams: &mut Streams<'_>,
) -> Done {
    let started = Instant::now();
    check_places_of_results(arguments, output)?;
    let inputs = arguments.inputs.iter().map(load);
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let options = options(arguments, &inputs)?;
    let goal = output.map_or(Goal::Check, |_| Goal::Build);
    let progress = Progress::new(streams.progress && !arguments.quiet);
    let connecting = OnceLock::new();
    let outcome = compile(&inputs, &options, goal, &|step| {
        if let Step::Connecting(_) = step {
            connecting.get_or_init(Instant::now);
        }
        progress.step(step);
    });
    progress.finish();
    let compiled_at = Instant::now();
    let Outcome { read, findings, compiled } = outcome.map_err(|error| of_compile(&error))?;

    let look = Look {
        colour: streams.colour,
        least: if arguments.quiet { Severity::Warning } else { Severity::Info },
    };
    written(report::write_text(streams.err, &findings, look))?;
    let is_done = compiled.is_some();
    let wants_page = arguments.report_html.is_some();
    let network = match (output, compiled) {
        (Some(path), Some(compiled)) => Some(write_network(path, compiled, wants_page)?),
        (None, Some(compiled)) if wants_page => Some(describe_unwritten(&compiled)?),
        _ => None,
    };
    if let Some(path) = &arguments.report_html {
        let seconds = seconds(started, connecting.get().copied(), compiled_at);
        write_page(path, goal, (&read, &findings), network.as_ref(), &seconds)?;
    }
    let summary = network.map(|network| network.summary).filter(|_| output.is_some());
    let mut result = json!({
        "status": if is_done { "done" } else { "errors" },
        "findings": report::json(&findings),
    });
    if let Some(path) = &arguments.report_json {
        write_json(path, &result)?;
    }
    result["output"] = json!(output.filter(|_| summary.is_some()));
    result["network"] = json!(summary);
    result["seconds"] = json!(started.elapsed().as_secs_f64());
    if arguments.json {
        written(writeln!(streams.out, "{result:#}"))?;
    }
    if !arguments.quiet {
        let seconds = started.elapsed().as_secs_f64();
        let counts = report::counts(&findings);
        let line = last_line(output, summary.as_ref(), is_done, &counts);
        written(writeln!(streams.err, "{line} in {seconds:.2} s"))?;
    }
    Ok(if is_done { Exit::Done } else { Exit::Errors })
}

fn last_line(
    output: Option<&Path>,
    summary: Option<&Summary>,
    is_done: bool,
    counts: &str,
) -> String {
    let counts = if counts.is_empty() { "no findings" } else { counts };
    match (output, summary) {
        (Some(path), Some(summary)) => {
            format!("wrote {}: {}; {counts}", path.display(), summary.line())
        }
        (Some(path), None) => format!("{counts}; {} was not written,", path.display()),
        (None, _) if is_done => format!("checked: {counts}"),
        (None, _) => format!("checked: {counts}; a build would write nothing,"),
    }
}

fn of_compile(error: &CompileError) -> Failure {
    let exit = match error {
        CompileError::Shift(_) => Exit::Io,
        _ => Exit::Usage,
    };
    Failure { exit, sentence: error.to_string() }
}

fn options(arguments: &CompileArguments, inputs: &[Input]) -> Result<Options, Failure> {
    let policy = Policy {
        strict: arguments.strict,
        deny: arguments.deny.iter().copied().collect(),
        allow: arguments.allow.iter().copied().collect(),
    };
    let usage = |sentence| Failure { exit: Exit::Usage, sentence };
    if let Some(code) = policy.deny.intersection(&policy.allow).next() {
        return Err(usage(format!("`{code}` is both denied and allowed")));
    }
    let is_error = |code: &&Code| code.severity() == Severity::Error;
    if let Some(code) = policy.allow.iter().find(is_error) {
        return Err(usage(format!("`{code}` is an error, and an error cannot be allowed")));
    }
    Ok(Options {
        timezone: arguments.timezone,
        stations: arguments.stations.as_deref().map(load).transpose()?,
        from: arguments.from,
        until: arguments.until,
        transfers: arguments.transfers(inputs.iter().all(Input::is_feed)),
        feeds: arguments.feeds(),
        policy,
    })
}

/// A network file in the place of its own timetable would be the end of that timetable.
fn check_places_of_results(
    arguments: &CompileArguments,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let reports = [&arguments.report_json, &arguments.report_html].map(Option::as_deref);
    let written: Vec<&Path> = output.into_iter().chain(reports.into_iter().flatten()).collect();
    for (nth, path) in written.iter().enumerate() {
        if written[..nth].iter().any(|other| in_full(other) == in_full(path)) {
            let sentence = format!("{} cannot be two of the files written", path.display());
            return Err(Failure { exit: Exit::Usage, sentence });
        }
    }
    let sources: Vec<&Path> =
        arguments.inputs.iter().chain(&arguments.stations).map(PathBuf::as_path).collect();
    written.into_iter().try_for_each(|path| check_place_of_result(&sources, Some(path)))
}

/// What is read is not written to, and what is written is a file in a folder that is there.
fn check_place_of_result(read: &[&Path], written: Option<&Path>) -> Result<(), Failure> {
    let Some(written) = written else { return Ok(()) };
    let path = in_full(written);
    // A folder is read with all that is in it.
    if read.iter().any(|source| path.starts_with(in_full(source))) {
        let sentence = format!("{} is read, and cannot be written too", written.display());
        return Err(Failure { exit: Exit::Usage, sentence });
    }
    let cannot = |why: String| {
        let sentence = format!("cannot write {}: {why}", written.display());
        Failure { exit: Exit::Io, sentence }
    };
    if written.is_dir() {
        return Err(cannot("it is a folder".to_owned()));
    }
    let folder = written.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(cannot(format!("there is no folder {}", folder.display()))),
        None => Ok(()),
    }
}

/// A path from the root on, links followed; the last part need not be there yet.
fn in_full(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    let parent = || path.parent().filter(|parent| !parent.as_os_str().is_empty());
    path.canonicalize().unwrap_or_else(|_| {
        let folder = parent().unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
        folder.join(path.file_name().unwrap_or_default())
    })
}

fn load(path: impl AsRef<Path>) -> Result<Input, Failure> {
    let path = path.as_ref();
    let name = path.display().to_string();
    if path.is_dir() {
        let failed = |error| Failure::io("read", path, &error);
        let mut files = folder(path, "").map_err(failed)?;
        if !files.iter().any(|file| file.bytes.is_some()) {
            let folders: Vec<_> = files.extract_if(.., |file| file.path.ends_with('/')).collect();
            for inner in folders {
                let below = folder(&path.join(&inner.path), &inner.path);
                files.extend(below.map_err(failed)?);
            }
        }
        files.retain(|file| !file.path.ends_with('/'));
        return Ok(Input::folder(name, files));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
    Ok(Input::file(name, bytes))
}

/// The files of a folder by name, those with bytes that a feed may need; folders in it end in `/`.
fn folder(path: &Path, prefix: &str) -> io::Result<Vec<FolderFile>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.path().is_dir();
        let is_needed = !is_folder && gtfs::is_read(&name);
        let bytes = is_needed.then(|| std::fs::read(entry.path())).transpose()?;
        let end = if is_folder { "/" } else { "" };
        files.push(FolderFile { path: format!("{prefix}{name}{end}"), bytes });
    }
    files.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(files)
}

/// A network, described while it was at hand.
struct Described {
    summary: Summary,
    /// Where a page is wanted.
    picture: Option<Picture>,
}

impl Described {
    fn of<B: AsRef<[u8]>>(file: &NetworkFile<B>, wants_page: bool) -> Self {
        let picture = wants_page.then(|| Picture::of(file.view()));
        Self { summary: Summary::of(file), picture }
    }
}

/// Writes the network, and has it in place once it was opened as a server opens it.
fn write_network(path: &Path, compiled: Compiled, wants_page: bool) -> Result<Described, Failure> {
    let written = write_atomically(path, |file, place| {
        compiled.write(file)?;
        // The tables are in memory once: as they were, or as they are read back.
        drop(compiled);
        let file = NetworkFile::open(read_aligned(place)?).map_err(io::Error::other)?;
        Ok(Described::of(&file, wants_page))
    });
    written.map_err(|error| Failure::io("write", path, &error))
}

/// What a check's page tells of the network that a build would begin with.
fn describe_unwritten(compiled: &Compiled) -> Result<Described, Failure> {
    let failed = |error: String| Failure {
        exit: Exit::Io,
        sentence: format!("cannot describe the network: {error}"),
    };
    let bytes = compiled.encode().map_err(|error| failed(error.to_string()))?;
    let file = NetworkFile::open(bytes).map_err(|error| failed(error.to_string()))?;
    Ok(Described::of(&file, true))
}

/// What was done, and how many seconds it took.
fn seconds(
    started: Instant,
    connecting: Option<Instant>,
    compiled: Instant,
) -> Vec<(&'static str, f64)> {
    let between = |from: Instant, to: Instant| (to - from).as_secs_f64();
    let read = between(started, connecting.unwrap_or(compiled));
    let mut seconds = vec![("reading and checking", read)];
    if let Some(connecting) = connecting {
        seconds.push(("finding all connections", between(connecting, compiled)));
        seconds.push(("writing, and opening as a server does", compiled.elapsed().as_secs_f64()));
    }
    seconds
}

fn write_page(
    path: &Path,
    goal: Goal,
    (read, findings): (&[ReadInput], &Findings),
    network: Option<&Described>,
    seconds: &[(&'static str, f64)],
) -> Result<(), Failure> {
    let network = network.and_then(|it| Some((&it.summary, it.picture.as_ref()?)));
    let page = page::of_compilation(&Compilation { goal, read, findings, network, seconds });
    write_text(path, &page)
}

fn write_json(path: &Path, value: &Value) -> Result<(), Failure> {
    write_text(path, &format!("{value:#}\n"))
}

fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    write_atomically(path, |file, _| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::io("write", path, &error))
}

fn run_inspect(path: &Path, as_json: bool, html: Option<&Path>, streams: &mut Streams<'_>) -> Done {
    check_place_of_result(&[path], html)?;
    let bytes = read_aligned(path).map_err(|error| Failure::io("read", path, &error))?;
    let file = NetworkFile::open(bytes).map_err(|error| Failure {
        exit: Exit::Errors,
        sentence: format!("{}: {error}", path.display()),
    })?;
    let summary = Summary::of(&file);
    if let Some(html) = html {
        let name = path.display().to_string();
        write_text(html, &page::of_network(&name, &summary, &Picture::of(file.view())))?;
    }
    let text = if as_json { format!("{:#}\n", json!(summary)) } else { visible(&summary.text()) };
    written(streams.out.write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

fn run_verify(path: &Path, streams: &mut Streams<'_>) -> Done {
    let bytes = read_aligned(path).map_err(|error| Failure::io("read", path, &error))?;
    let file = NetworkFile::open(bytes).map_err(|error| Failure {
        exit: Exit::Errors,
        sentence: format!("{}: {error}", path.display()),
    })?;
    let line = Summary::of(&file).line();
    written(writeln!(streams.out, "{} is sound: {line}", path.display()))?;
    Ok(Exit::Done)
}

/// Compares two network files. One that is none is told by its exit code from one that differs.
fn run_diff(
    paths: [&Path; 2],
    as_json: bool,
    html: Option<&Path>,
    streams: &mut Streams<'_>,
) -> Done {
    check_place_of_result(&paths, html)?;
    let open = |path: &Path| {
        let bytes = read_aligned(path).map_err(|error| Failure::io("read", path, &error))?;
        NetworkFile::open(bytes).map_err(|error| Failure {
            exit: Exit::Io,
            sentence: format!("{}: {error}", path.display()),
        })
    };
    let (old, new) = (open(paths[0])?, open(paths[1])?);
    let difference = Difference::between(&old, &new);
    if let Some(html) = html {
        let names = paths.map(|path| path.display().to_string());
        let (before, after) = (Picture::of(old.view()), Picture::of(new.view()));
        let names = [names[0].as_str(), &names[1]];
        write_text(html, &page::of_difference(names, &difference, [&before, &after]))?;
    }
    if as_json {
        let mut out = BufWriter::new(&mut streams.out);
        let result = serde_json::to_writer_pretty(&mut out, &difference);
        written(result.map_err(io::Error::from).and_then(|()| writeln!(out)))?;
        written(out.flush())?;
    } else {
        written(streams.out.write_all(visible(&difference.text()).as_bytes()))?;
    }
    Ok(if difference.same { Exit::Done } else { Exit::Errors })
}

/// A bar for builds that take long enough for one.
struct Progress {
    bar: ProgressBar,
    started: Instant,
    is_wanted: bool,
    is_shown: AtomicBool,
}

impl Progress {
    fn new(is_wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let template = "connections from {pos} of {len} stations [{bar:30}] {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, started: Instant::now(), is_wanted, is_shown: AtomicBool::new(false) }
    }

    fn step(&self, step: Step) {
        match step {
            Step::Connecting(stations) => self.bar.set_length(stations as u64),
            Step::Connected => {
                let is_late = self.is_wanted && self.started.elapsed() > PROGRESS_AFTER;
                if is_late && !self.is_shown.swap(true, Ordering::Relaxed) {
                    self.bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                self.bar.inc(1);
            }
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
