//! What operators see of a running server: its log, its metrics and its traces. Everything may
//! tell of itself here, and nothing here changes what a caller gets. No personal data: what is told
//! are names of events, kinds, counts, durations and ids that mean nothing outside.

pub mod log;
mod metrics;
mod process;
pub mod traces;

pub use metrics::{Booked, Gate, MEDIA_TYPE, Metrics, Mutation, Snapshot};
pub use process::Process;
pub use traces::{TraceStats, Traces, TracesError};
