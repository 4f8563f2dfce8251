//! The steps of a transaction that writes, named, so that a test can stop or pause at each.

use std::fmt;
use std::sync::Arc;

/// A place in a transaction, or between two, at which a process may die or stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The transaction has begun, nothing is written.
    Begun,
    /// The idempotency key of a cancellation is written; a booking writes it with the trip.
    KeyTaken,
    /// The travellers' clients are found or written.
    ClientsReady,
    /// The rows of the trip are made and about to be written, or changed.
    TripWritten,
    /// The audit log's row is written; next comes the commit.
    BeforeCommit,
    /// The commit is done, the caller not yet answered.
    Committed,
    /// A transaction of a job that one server at a time may do has its turn; nothing is written.
    PartBegun,
    /// Such a transaction is committed, and another one follows.
    PartCommitted,
}

impl Step {
    /// Those of a booking or a change, in their order.
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
