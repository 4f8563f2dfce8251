//! The schema in process: what is answered, however it is written.

mod departures;
mod journeys;
mod paging;
mod written;

use std::sync::{Arc, OnceLock};

use async_graphql::{Request, Response, Variables};
use serde_json::Value;
use server::graphql::{AppSchema, Direct, Plain, answer_bytes, executor};
use server::network_file;
use server::search::Network;

/// The bundled network, opened once.
pub fn bundled() -> Arc<Network> {
    static NETWORK: OnceLock<Arc<Network>> = OnceLock::new();
    let open = || Arc::new(network_file::bundled().expect("the bundled network"));
    Arc::clone(NETWORK.get_or_init(open))
}

fn the_schema() -> &'static AppSchema {
    static SCHEMA: OnceLock<AppSchema> = OnceLock::new();
    SCHEMA.get_or_init(executor)
}

/// Executes a document that asks nothing of the bookings.
async fn execute(
    network: &Arc<Network>,
    document: &str,
    variables: &Value,
    plain: bool,
) -> Response {
    let request = Request::new(document)
        .variables(Variables::from_json(variables.clone()))
        .data(Arc::clone(network));
    let request = if plain { request.data(Plain) } else { request };
    the_schema().execute(request).await
}

/// The answer without the executor, where there is one.
fn direct(network: &Arc<Network>, document: &str, variables: &Value) -> Option<Response> {
    let document = async_graphql::parser::parse_query(document).expect("a document");
    let direct = Direct::of(&document)?;
    direct.answer(&document, &Variables::from_json(variables.clone()), network, None)
}

/// The answer as callers read it.
pub async fn answer(network: &Arc<Network>, document: &str, variables: &Value) -> Value {
    json(&execute(network, document, variables, false).await)
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&answer_bytes(response).expect("JSON")).expect("JSON")
}
