//! Traces: from a request through its search or its statements, sent to a collector that speaks
//! OTLP in protobuf over HTTP. A thread of its own sends them; where the collector is slow or away,
//! spans are dropped, and no caller waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanProcessor,
};
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// How long the collector has for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Spans that wait to be sent, at most. The queue behind has more room, so that none is dropped
/// where nobody counts it.
const WAITING_MAX: u64 = 2_048;

/// The spans that go into a trace: the server's own and those of statements.
const SPANS: [(&str, Level); 2] = [("server", Level::DEBUG), ("sea_orm", Level::INFO)];

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The address is not one that spans are sent to.
    #[error(
        "expected an address such as http://127.0.0.1:4318 of a collector (OTLP in protobuf over \
         HTTP, without TLS: let a collector on this machine or in its network do that), found \
         {0:?}; mend --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT"
    )]
    Endpoint(String),
    /// The sender could not be made.
    #[error("expected to be able to send traces, found: {0}")]
    Exporter(String),
}

/// How many spans were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceStats {
    /// Spans that the collector took.
    pub exported: u64,
    /// Spans that were lost, since it did not.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counters {
    exported: AtomicU64,
    lost: AtomicU64,
    waiting: AtomicU64,
    is_away: AtomicBool,
}

/// The way to the collector.
#[derive(Debug, Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
    counters: Arc<Counters>,
}

impl Traces {
    /// To the collector at this address (`/v1/traces` is appended), this part (0 to 1) of the
    /// traces that begin here; where a caller's trace goes on, the caller has decided.
    pub fn to(endpoint: &str, part: f64) -> Result<Self, TracesError> {
        let is_plain = endpoint.strip_prefix("http://").is_some_and(|rest| !rest.is_empty());
        if !is_plain {
            return Err(TracesError::Endpoint(endpoint.to_owned()));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| TracesError::Exporter(error.to_string()))?;
        let counters = Arc::new(Counters::default());
        let counting = Counting { exporter, counters: Arc::clone(&counters) };
        let room = BatchConfigBuilder::default().with_max_queue_size(2 * WAITING_MAX as usize);
        let batches = BatchSpanProcessor::builder(counting).with_batch_config(room.build()).build();
        let bounded = Bounded { batches, counters: Arc::clone(&counters) };
        let resource = Resource::builder_empty()
            .with_service_name("railgraph")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(part)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(bounded)
            .with_resource(resource)
            .with_sampler(sampler)
            .build();
        Ok(Self { provider, counters })
    }

    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.provider.tracer("railgraph");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_targets(SPANS))
    }

    /// How many spans were sent.
    pub fn stats(&self) -> TraceStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TraceStats { exported: read(&self.counters.exported), lost: read(&self.counters.lost) }
    }

    /// Sends what is left, or gives up after some seconds.
    pub async fn finish(self) {
        let end = move || self.provider.shutdown_with_timeout(PATIENCE);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(end).await {
            tracing::warn!(error.cause = %error, "traces.not_finished");
        }
    }
}

/// Takes no more spans than may wait, and counts those that it does not take.
#[derive(Debug)]
struct Bounded {
    batches: BatchSpanProcessor,
    counters: Arc<Counters>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut opentelemetry_sdk::trace::Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.counters.waiting.load(Ordering::Relaxed) >= WAITING_MAX {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.counters.waiting.fetch_add(1, Ordering::Relaxed);
        self.batches.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// An exporter that counts, and says in the log when the collector goes and comes.
#[derive(Debug)]
struct Counting {
    exporter: SpanExporter,
    counters: Arc<Counters>,
}

impl opentelemetry_sdk::trace::SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (spans, counters) = (batch.len() as u64, &self.counters);
        let result = self.exporter.export(batch).await;
        counters.waiting.fetch_sub(spans, Ordering::Relaxed);
        let counter = if result.is_ok() { &counters.exported } else { &counters.lost };
        counter.fetch_add(spans, Ordering::Relaxed);
        // When that changes: the metric tells how many there are.
        let was_away = counters.is_away.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_away => {
                tracing::warn!(error.cause = %error, "traces.collector_away");
            }
            Ok(()) if was_away => tracing::info!("traces.collector_back"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Lets a request's span go on the trace that its caller's `traceparent` names.
pub fn go_on(span: &Span, headers: &HeaderMap) {
    if !headers.contains_key("traceparent") {
        return;
    }
    let context = TraceContextPropagator::new().extract(&Headers(headers));
    if context.span().span_context().is_valid() {
        // Without traces there is no span to give a parent to.
        let _ = span.set_parent(context);
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use opentelemetry::trace::Tracer;

    use super::*;

    #[test]
    fn spans_for_which_there_is_no_room_are_counted() {
        // A collector that takes connections and never answers.
        let hanging = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = hanging.local_addr().expect("an address");
        let traces = Traces::to(&format!("http://{address}"), 1.0).expect("traces");
        let tracer = traces.provider.tracer("test");
        let spans = 3 * WAITING_MAX;
        for _ in 0..spans {
            drop(tracer.start("span"));
        }
        let TraceStats { exported, lost } = traces.stats();
        assert_eq!(exported, 0);
        assert!((spans / 2..spans).contains(&lost), "{lost} of {spans} are counted as lost");
    }
}
