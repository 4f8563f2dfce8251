//! The log: on a terminal for people, elsewhere one JSON object a line. Such an object has the
//! event's name as `event`, its fields under dotted names, and those of the spans around it, so
//! that every line of a request has its `request.id`.
//!
//! A thread of its own writes them. Whoever reads them may stand still: then lines are lost and
//! counted, and no request waits.

use std::fmt;
use std::io::{BufWriter, IsTerminal};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::traces::Traces;
use crate::cli::LogFormat;

/// Lines that wait to be written, at most: some megabytes.
const LINES_MAX: usize = 16_384;

/// A log that was started. What waits to be written is, for a second at most, when it is dropped.
#[derive(Debug)]
pub struct Log {
    /// Counts lines that were lost.
    pub lost: ErrorCounter,
    _writer: WorkerGuard,
}

/// The most that crates whose names begin so log, whatever `RUST_LOG` says.
const AT_MOST: [(&str, Level); 6] = [
    // What they do is told by our own lines and by traces.
    ("sqlx", Level::WARN),
    ("sea_orm", Level::WARN),
    // They would tell what callers say.
    ("tungstenite", Level::INFO),
    ("tokio_tungstenite", Level::INFO),
    ("hyper", Level::INFO),
    ("h2", Level::INFO),
];

/// Whether a crate may log at this level.
fn is_within(target: &str, level: Level) -> bool {
    AT_MOST.iter().all(|(name, most)| !target.starts_with(name) || level <= *most)
}

/// Starts the log, and with it the traces where they are wanted. A second start in one process, as
/// tests do it, keeps those of the first.
///
/// `RUST_LOG` chooses other levels than INFO.
pub fn start(format: Option<LogFormat>, traces: Option<&Traces>) -> Log {
    let chosen =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let most = filter_fn(|metadata| is_within(metadata.target(), *metadata.level()));
    let filter = chosen.and(most.with_max_level_hint(LevelFilter::TRACE));
    let pretty = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if pretty { LogFormat::Pretty } else { LogFormat::Json });
    // What came meanwhile is written at once.
    let output = BufWriter::new(std::io::stderr());
    let (output, writer) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_MAX)
        .lossy(true)
        .thread_name("log")
        .finish(output);
    let lost = output.error_counter();
    let lines = tracing_subscriber::fmt::layer().with_writer(output);
    let lines = match format {
        LogFormat::Json => {
            lines.event_format(JsonLines).fmt_fields(JsonFields::new()).with_filter(filter).boxed()
        }
        LogFormat::Pretty => {
            let colours = pretty && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
            lines.with_ansi(colours).with_target(false).with_filter(filter).boxed()
        }
    };
    let traces = traces.map(Traces::layer);
    let _ = tracing_subscriber::registry().with(lines).with(traces).try_init();
    Log { lost, _writer: writer }
}

/// One JSON object a line.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        line.insert("timestamp".to_owned(), time.into());
        let metadata = event.metadata();
        line.insert("level".to_owned(), metadata.level().as_str().to_lowercase().into());
        line.insert("logger".to_owned(), metadata.target().into());
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map(|it| it.fields.as_str());
            let fields = fields.filter(|fields| !fields.is_empty()).map(serde_json::from_str);
            if let Some(Ok(Value::Object(fields))) = fields {
                // The innermost span comes first, and its fields count.
                for (name, value) in fields {
                    line.entry(name).or_insert(value);
                }
            }
        }
        event.record(&mut Fields(&mut line));
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

/// An event's fields become those of an object; its message is its name.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        let name = if field.name() == "message" { "event" } else { field.name() };
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("a buffer").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_would_tell_what_callers_say_is_not_logged_whatever_is_chosen() {
        assert!(!is_within("tungstenite::protocol", Level::TRACE));
        assert!(!is_within("h2", Level::DEBUG));
        assert!(!is_within("sqlx::query", Level::INFO));
        assert!(!is_within("sqlx_postgres::connection", Level::INFO));
        assert!(!is_within("hyper_util::server", Level::DEBUG));
        assert!(is_within("hyper::proto", Level::INFO));
        assert!(is_within("server::http", Level::TRACE));
    }

    #[test]
    fn a_line_is_an_object_with_the_events_name_and_all_fields_around_it() {
        let written = Written::default();
        let sink = written.clone();
        let lines = tracing_subscriber::fmt::layer()
            .event_format(JsonLines)
            .fmt_fields(JsonFields::new())
            .with_writer(move || sink.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let outer = tracing::info_span!("request", request.id = "7f", depth = 1);
            let _outer = outer.enter();
            let inner = tracing::info_span!("operation", depth = 2);
            let _inner = inner.enter();
            tracing::warn!(duration.ms = 1.5, rows = 3, found = true, "search.\"slow\"");
        });
        let bytes = written.0.lock().expect("a buffer").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["event"], "search.\"slow\"");
        assert_eq!(line["level"], "warn");
        assert_eq!(line["request.id"], "7f");
        assert_eq!(line["depth"], 2);
        assert_eq!(line["duration.ms"], 1.5);
        assert_eq!(line["rows"], 3);
        assert_eq!(line["found"], true);
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
}
