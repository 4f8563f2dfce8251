//! Servers that ask for keys, behind nginx: whoever calls is counted by an address of its own.

use std::net::{IpAddr, Ipv4Addr};

use async_graphql::futures_util::future::join_all;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tests::postgres::{Cluster, free_port};
use tests::running::nginx::Nginx;
use tests::running::process::Process;

use super::program;
use crate::programs::api_keys::{command, create};

/// Requests at once of somebody who may make one a second of each server.
const MANY: usize = 20;

/// Somebody who calls from an address of this machine, `127.0.0.` and a number.
struct Caller {
    http: Client,
    url: String,
}

impl Caller {
    fn at(last: u8, nginx: &Nginx) -> Self {
        let own = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        let http = Client::builder().local_address(own).build().expect("a client");
        Self { http, url: format!("{}/graphql", nginx.origin) }
    }

    /// The answer to a request that claims to be passed on for another address.
    async fn ask(&self, key: Option<&str>, claimed: &str) -> Response {
        let request = self.http.post(&self.url).header("x-forwarded-for", claimed);
        let request = request.json(&json!({ "query": "{ network { version } }" }));
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.send().await.expect("an answer")
    }
}

/// The status of an answer, and what it says.
async fn told(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_need_keys_and_are_counted_by_the_address_that_nginx_names() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let url = cluster.url();
    let migrated = command(folder.path(), &format!("migrate --database-url {url}"));
    assert_eq!(migrated.code, Some(0), "{}", migrated.err);
    let key = create(folder.path(), &format!("--scopes search --database-url {url}"));
    let ports = [free_port(), free_port()].map(|it| it.expect("a port"));
    let _servers = ports.map(|port| {
        let listen = format!("127.0.0.1:{port}");
        let mut arguments = vec!["--database-url", url.as_str(), "--listen", listen.as_str()];
        arguments.extend(["--auth", "keys", "--trusted-proxy", "127.0.0.1"]);
        arguments.extend(["--limit-requests-per-address", "1"]);
        Process::start(&program(), folder.path(), &arguments)
    });
    let Some(nginx) = Nginx::start(ports) else { return };

    let (status, body) = told(Caller::at(4, &nginx).ask(None, "10.0.0.1").await).await;
    assert_eq!((status, &body["data"]), (401, &Value::Null));
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let (status, body) = told(Caller::at(5, &nginx).ask(Some(&key), "10.0.0.1").await).await;
    assert_eq!((status, body.get("errors")), (200, None));

    // What they claim to be passed on for does not make them many.
    let busy = Caller::at(2, &nginx);
    let asked = (0..MANY).map(|nth| {
        let (busy, key, claimed) = (&busy, key.as_str(), format!("10.0.1.{nth}"));
        async move { busy.ask(Some(key), &claimed).await }
    });
    let (mut taken, mut refused) = (0, 0);
    for answer in join_all(asked).await {
        let has_wait = answer.headers().get("retry-after").is_some_and(|wait| wait == "1");
        let (status, body) = told(answer).await;
        if status == 200 {
            taken += 1;
            continue;
        }
        assert_eq!((status, has_wait), (429, true), "{body}");
        assert_eq!(body["errors"][0]["extensions"]["code"], "TOO_MANY_REQUESTS");
        refused += 1;
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    // Nor does it count against anybody else at either server.
    let other = Caller::at(3, &nginx).ask(Some(&key), "127.0.0.2").await;
    let (status, body) = told(other).await;
    assert_eq!((status, body.get("errors")), (200, None));
}
