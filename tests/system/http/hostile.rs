//! Hostile documents: each is refused with its code, costs little, is answered shortly, and the
//! server lives on. They stand in `hostile.txt`; hostile requests around documents are in
//! `negotiation` and `slow`.

use std::time::Duration;

use serde_json::{Value, json};
use tests::app::{self, Server};
use tests::cpu;
use tests::feed::{self, CITIES};
use tests::fuzz::{Fuzzer, Target};

/// Processor time that one may take, sending it included: 50 ms, and twice as long in a build for
/// tests on a machine whose cores are shared by other tests.
const TIME_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 50 });
/// Bytes of an answer at most.
const ANSWER_MAX: usize = 64 * 1024;
/// Processor time that a random document may take: 20 ms, and some times as long in a build for
/// tests on a machine whose cores are shared by other tests.
const RANDOM_TIME_MAX: Duration =
    Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 20 });

/// A document, and the code that it is answered with; empty where it is answered.
struct Hostile<'t> {
    name: &'t str,
    request: Value,
    code: &'t str,
}

fn all() -> Vec<Hostile<'static>> {
    let entries = include_str!("hostile.txt").split("\n== ").skip(1);
    entries.map(entry).collect()
}

fn entry(text: &str) -> Hostile<'_> {
    let (head, text) = text.split_once('\n').expect("a document after its name");
    let (name, code) = head.split_once(": ").expect("a code after the name");
    let (variables, document) = match text.strip_prefix("variables: ") {
        Some(text) => text.split_once('\n').expect("a document after the variables"),
        None => ("{}", text),
    };
    let variables: Value = serde_json::from_str(&expanded(variables)).expect("JSON");
    let request = json!({ "query": expanded(document.trim_end()), "variables": variables });
    Hostile { name, request, code: if code == "OK" { "" } else { code } }
}

/// The text with `«5 text»` five times over, from the inside out.
fn expanded(text: &str) -> String {
    let Some(end) = text.find('»') else { return text.to_owned() };
    let start = text[..end].rfind('«').expect("a beginning");
    let inner = &text[start + '«'.len_utf8()..end];
    let (count, part) = inner.split_once(' ').expect("a count and a text");
    let count: usize = count.parse().expect("a count");
    let parts: String = (0..count).map(|at| part.replace('#', &at.to_string())).collect();
    let rest = expanded(&text[end + '»'.len_utf8()..]);
    format!("{}{parts}{rest}", &text[..start])
}

/// The processor time that this thread has taken since.
fn since(before: Option<Duration>) -> Duration {
    let taken = cpu::thread_time().zip(before).and_then(|(now, then)| now.checked_sub(then));
    taken.unwrap_or_default()
}

/// The code of an answer, and how many bytes it has.
async fn send(server: &Server, request: &Value) -> (String, usize) {
    let response = server.http().post(server.url("/graphql"));
    let response = response.header("accept", "application/graphql-response+json").json(request);
    let bytes = response.send().await.expect("an answer").bytes().await.expect("a whole answer");
    let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
    let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
    assert_eq!(code.is_empty(), answer.get("errors").is_none(), "{answer}");
    (code.to_owned(), bytes.len())
}

#[tokio::test]
async fn hostile_documents_are_refused_with_their_code_at_little_cost() {
    let server = app::on_sqlite(feed::network(CITIES)).await;
    // What is made once is made.
    send(&server, &json!({ "query": "{ __typename }" })).await;
    let (mut worst, mut longest) = ((Duration::ZERO, ""), (0, ""));
    let (hostile, mut wrong) = (all(), Vec::new());
    for Hostile { name, request, code } in &hostile {
        let before = cpu::thread_time();
        let (found, length) = send(&server, request).await;
        let mut taken = since(before);
        // The clock goes by steps, and a shared machine has pauses: what takes long does so again.
        for _ in 0..2 {
            if taken > TIME_MAX {
                let before = cpu::thread_time();
                send(&server, request).await;
                taken = taken.min(since(before));
            }
        }
        worst = worst.max((taken, name));
        longest = longest.max((length, name));
        if found != *code || length > ANSWER_MAX || taken > TIME_MAX {
            wrong.push(format!("{name}: {found}, not {code}; {length} bytes, {taken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(hostile.len() >= 60);
    println!("{} hostile documents: worst {worst:?}, longest answer {longest:?}", hostile.len());
    assert_eq!(server.answer("{ __typename }", json!({})).await["data"]["__typename"], "Query");
}

#[test]
fn random_documents_are_survived_at_little_cost() {
    let fuzzer = Fuzzer::new(Target::Guard, 1);
    fuzzer.run(&fuzzer.input(0));
    let mut worst = (Duration::ZERO, 0);
    for number in 0..10_000 {
        let input = fuzzer.input(number);
        let time = || {
            let before = cpu::thread_time();
            fuzzer.run(&input);
            since(before)
        };
        // The clock goes by steps, and a shared machine has pauses: what takes long does so again.
        let mut times = std::iter::repeat_with(time).take(3);
        let first = times.next().unwrap_or_default();
        let least = if first > RANDOM_TIME_MAX { times.min().unwrap_or(first) } else { first };
        worst = worst.max((least, number));
    }
    println!("10000 random documents: worst {:?} (input {})", worst.0, worst.1);
    assert!(worst.0 <= RANDOM_TIME_MAX, "{worst:?}");
}
