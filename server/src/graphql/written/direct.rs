//! Searches that are answered without the executor.
//!
//! The executor copies a document, walks over it several times and makes futures and maps even of a
//! query whose only field is written whole; that takes longer than the search and the writing
//! together. Where all that an operation asks for are itineraries, what is selected of them is
//! worked out when the document is read, and a request only has its arguments read, its search
//! made and its answer written. Whatever goes wrong is left to the executor, whose words are the
//! ones that callers know.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Response, Value, Variables};

use super::{Json, RESERVED_BYTES, Selected, Source, Steps, write_object};
use crate::graphql::itineraries::{Arguments, itineraries};
use crate::graphql::itinerary_page::ItineraryConnection;
use crate::search::Network;
use crate::sight::Metrics;

/// An operation that asks for itineraries and nothing else.
pub struct Direct {
    /// What is selected of each field, where that does not depend on variables.
    fixed: Option<Vec<Steps<ItineraryConnection>>>,
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direct").field("fixed", &self.fixed.is_some()).finish()
    }
}

impl Direct {
    /// The only operation of a document, where it is one of these.
    pub fn of(document: &ExecutableDocument) -> Option<Self> {
        let operation = only(document)?;
        let none = Variables::default();
        let source = Source::of(operation, &document.fragments, &none);
        let fields = Selected::of_root(&source);
        let is_direct = operation.ty == OperationType::Query
            && operation.directives.is_empty()
            && !source.uses_variables()
            && !fields.is_empty()
            && fields.iter().all(|field| field.name() == "itineraries");
        if !is_direct {
            return None;
        }
        let steps = fields.iter().map(Selected::steps).collect::<Result<_, _>>();
        let is_fixed = !source.uses_variables();
        Some(Self { fixed: steps.ok().filter(|_| is_fixed) })
    }

    /// The answer; None where anything goes wrong.
    pub fn answer(
        &self,
        document: &ExecutableDocument,
        variables: &Variables,
        network: &std::sync::Arc<Network>,
        metrics: Option<&Metrics>,
    ) -> Option<Response> {
        let source = Source::of(only(document)?, &document.fragments, variables);
        let mut data = IndexMap::new();
        for (nth, field) in Selected::of_root(&source).iter().enumerate() {
            let (arguments, page) = Arguments::of(field).ok()?;
            let found = itineraries(network, &arguments, &page, metrics).ok()?;
            let mut json = Json::with_capacity(RESERVED_BYTES);
            match &self.fixed {
                Some(fixed) => write_object(&found, fixed.get(nth)?, &mut json).ok()?,
                None => write_object(&found, &field.steps().ok()?, &mut json).ok()?,
            }
            data.insert(field.key().clone(), Value::Binary(json.into_bytes().into()));
        }
        Some(Response::new(Value::Object(data)))
    }
}

fn only(document: &ExecutableDocument) -> Option<&OperationDefinition> {
    match &document.operations {
        DocumentOperations::Single(operation) => Some(&operation.node),
        DocumentOperations::Multiple(all) if all.len() == 1 => {
            all.values().next().map(|it| &it.node)
        }
        DocumentOperations::Multiple(_) => None,
    }
}
