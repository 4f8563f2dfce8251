//! The steps of a transaction that writes, named, so that a test can stop the process at each.

use std::fmt;
use std::sync::Arc;

/// A place in a transaction at which a process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The transaction has begun, nothing is written.
    Begun,
    /// The idempotency key is written; on SQLite, about to be written with the trip.
    KeyTaken,
    /// The travellers' clients are found or written.
    ClientsReady,
    /// The rows of the trip are made and about to be written, or changed.
    TripWritten,
    /// The audit log's row is written; next comes the commit.
    BeforeCommit,
    /// The commit is done, the caller not yet answered.
    Committed,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [
        Self::Begun,
        Self::KeyTaken,
        Self::ClientsReady,
        Self::TripWritten,
        Self::BeforeCommit,
        Self::Committed,
    ];
}

/// Called at each step.
pub type StepObserver = Arc<dyn Fn(Step) + Send + Sync>;

/// Tells of steps, where anybody wants to know.
#[derive(Clone)]
pub(super) struct Steps(Option<StepObserver>);

impl Steps {
    pub(super) fn new(observer: Option<StepObserver>) -> Self {
        Self(observer)
    }

    pub(super) fn reached(&self, step: Step) {
        if let Some(observer) = &self.0 {
            observer(step);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Steps")
    }
}
