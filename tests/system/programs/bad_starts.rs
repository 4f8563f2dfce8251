//! Starts that cannot succeed: one sentence each, with what was expected, what was found and what
//! to do.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use tests::generated::root;

use super::{RAILGRAPH, run};

/// Checks that a start with these arguments ends with this sentence, in which `…` is any text.
#[track_caller]
fn check(folder: &Path, arguments: &str, expected: &str) {
    let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
    if !arguments.contains(&"migrate") && !arguments.contains(&"--listen") {
        arguments.extend(["--listen", "127.0.0.1:0"]);
    }
    let ended = run(RAILGRAPH, folder, &arguments);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{arguments:?}: {}", ended.err);
    let said = ended.said();
    assert_eq!(said.len(), 1, "{arguments:?}: {}", ended.err);
    let parts: Vec<&str> = expected.split('…').collect();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    let is_expected = match parts.len() {
        1 => said[0] == format!("error: {expected}"),
        _ => said[0].starts_with(&format!("error: {first}")) && said[0].ends_with(last),
    };
    assert!(is_expected, "{arguments:?} expected:\n{expected}\nfound:\n{}", said[0]);
}

fn check_network(folder: &Path, name: &str, bytes: &[u8], expected: &str) {
    fs::write(folder.join(name), bytes).expect("a file");
    check(folder, &format!("--network {name}"), &format!("{name}: {expected}"));
}

#[test]
fn no_network_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let hint = "name another with --network, or compile one with `timetable-compiler build`";
    let expected = "expected a network file at my.railgraph, found none that can be read";
    let missing = format!("{expected} (No such file or directory (os error 2)); {hint}");
    check(folder.path(), "--network my.railgraph", &missing);
    fs::create_dir(folder.path().join("my.railgraph")).expect("a folder");
    let directory = format!("{expected} (is a directory); {hint}");
    check(folder.path(), "--network my.railgraph", &directory);
}

#[test]
fn a_foreign_network_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = fs::read(root().join("data/european-timetable.csv")).expect("a timetable");
    let expected = "expected a network file, which begins with \"RAILGRPH\", found \"Route ID\"; \
                    compile the timetable with `timetable-compiler build` and name its output";
    check_network(folder.path(), "trains.csv", &csv, expected);
}

#[test]
fn a_damaged_network_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = fs::read(root().join("data/european-network.railgraph")).expect("a network");
    let check = |bytes: &[u8], expected: &str| check_network(folder.path(), "it", bytes, expected);
    let again = "copy it again, or compile it with `timetable-compiler build`";
    for length in [0, 7, 100] {
        let expected = format!(
            "expected a network file of at least 160 bytes, found {length}; the copy is \
             incomplete: {again}"
        );
        check(&sound[..length], &expected);
    }
    for length in [160, sound.len() / 2, sound.len() - 1] {
        let expected = format!(
            "expected {} bytes, found {length}; the file was cut off or appended to: {again}",
            sound.len()
        );
        check(&sound[..length], &expected);
    }
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damaged = |what| format!("expected {what} with hash …; the file was damaged: {again}");
    check(&flipped(sound.len() / 2), &damaged("content"));
    check(&flipped(60), &damaged("a header"));
}

#[test]
fn a_network_file_of_another_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = fs::read(root().join("data/european-network.railgraph")).expect("a network");
    for version in [schema::FORMAT_VERSION - 1, schema::FORMAT_VERSION + 1] {
        let mut bytes = sound.clone();
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let expected = format!(
            "expected network file format {}, found {version}; compile the timetable again with \
             the `timetable-compiler` of this release: `timetable-compiler build`",
            schema::FORMAT_VERSION
        );
        check_network(folder.path(), "it", &bytes, &expected);
    }
}

#[test]
fn no_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |url: &str, expected| {
        for command in ["", "migrate "] {
            check(folder.path(), &format!("{command}--database-url {url}"), expected);
        }
        if !url.starts_with("sqlite:") {
            // What is wrong is not that there are no keys.
            check(folder.path(), &format!("--auth keys --database-url {url}"), expected);
            for command in [["keys", "list"], ["keys", "rotate"], ["audit", "verify"]] {
                let arguments = [&command[..], &["--database-url", url]].concat();
                let said = run(RAILGRAPH, folder.path(), &arguments).err;
                assert!(said.starts_with("error: expected a database "), "{said}");
            }
        }
    };
    check(
        "sqlite://no/such/railgraph.sqlite",
        "expected a folder at no/such for the SQLite database, found none; create it or set \
         another --database-url",
    );
    check(
        "postgres://railgraph:secret@127.0.0.1:1/railgraph",
        "expected a database at postgres://127.0.0.1:1/railgraph, found none that answers (error \
         communicating with database: Connection refused (os error …)); start it, make it with \
         `createdb`, or set another --database-url",
    );
    check(
        "mysql://railgraph:secret@127.0.0.1/railgraph",
        "expected a database URL that begins with sqlite: or postgres:, found mysql:; set \
         --database-url or DATABASE_URL",
    );
    check(
        "railgraph",
        "expected a database URL like sqlite://railgraph.sqlite or postgres://user@host/database, \
         found a text that is none; set --database-url or DATABASE_URL",
    );
}

#[test]
fn no_place_to_listen() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let expected = format!(
        "expected {address} to be free to listen on, found that it is not (Address already in use \
         (os error …)); end what listens there, or name another address with --listen"
    );
    check(folder.path(), &format!("--listen {address}"), &expected);
    let elsewhere = "expected to listen on 192.0.2.1:8080, found an error (Cannot assign requested \
                     address (os error …)); name an address of this machine, and a port that this \
                     user may have, with --listen";
    check(folder.path(), "--auth keys --listen 192.0.2.1:8080", elsewhere);
    let expected = "expected a loopback address to listen on, found 0.0.0.0:8080; without API keys \
                    every caller is an admin, so listen on 127.0.0.1, or ask for keys with --auth \
                    keys";
    check(folder.path(), "--listen 0.0.0.0:8080", expected);
}

#[test]
fn keys_that_are_lost_or_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("railgraph.sqlite.key");
    assert_eq!(run(RAILGRAPH, folder.path(), &["migrate"]).code, Some(0));
    fs::remove_file(&keys).expect("a key file");
    let lost = "expected the key file railgraph.sqlite.key that the database was encrypted with, \
                found none; restore it from its backup, or name it with --encryption-key-file";
    check(folder.path(), "serve", lost);
    check(folder.path(), "migrate", lost);
    assert!(!keys.exists());
    let another = tempfile::tempdir().expect("a folder");
    assert_eq!(run(RAILGRAPH, another.path(), &["migrate"]).code, Some(0));
    fs::copy(another.path().join("railgraph.sqlite.key"), &keys).expect("a key file");
    let of_another = "expected the key file that the database was encrypted with, found another \
                      one at railgraph.sqlite.key; restore the right one from its backup, or name \
                      it with --encryption-key-file";
    check(folder.path(), "serve", of_another);
    fs::write(&keys, "blind-index 12\n").expect("a file");
    let damaged = "expected `integrity HEX`, `blind-index NUMBER HEX` or `encryption NUMBER HEX` \
                   with 64 hex digits in line 1 of the key file, found something else; restore it \
                   from its backup";
    check(folder.path(), "serve", damaged);
}

#[test]
fn keys_belong_to_a_database_whatever_its_url() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = ["migrate", "--database-url", "sqlite://my%20trips.sqlite"];
    assert_eq!(run(RAILGRAPH, folder.path(), &url).code, Some(0));
    assert!(folder.path().join("my trips.sqlite.key").exists());
    check(
        folder.path(),
        "--database-url sqlite://",
        "expected an SQLite database in a file, found one in memory, which would lose all \
         bookings; name a file, as in sqlite://railgraph.sqlite",
    );
    assert!(!folder.path().join(".key").exists());
}

#[test]
fn whoever_makes_the_database_is_told_of_its_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let version = "the database has this program's version";
    let made = "made railgraph.sqlite.key: names and id numbers are encrypted with it; back it up \
                elsewhere";
    for expected in [vec![made, version], vec![version]] {
        let ended = run(RAILGRAPH, folder.path(), &["migrate"]);
        assert_eq!(ended.out.lines().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn keys_that_postgresql_does_not_know() {
    let Some(url) = tests::postgres::database().await else { return };
    let none = url.replace(url.rsplit('/').next().expect("a name"), "nowhere");
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(RAILGRAPH, folder.path(), &["migrate", "--database-url", &none]);
    let reason = "found none that answers (database \"nowhere\" does not exist); start it, make it \
                  with `createdb`, or set another --database-url";
    assert!(ended.err.contains(reason), "{}", ended.err);
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir());
    let there = there.expect("a folder");
    let migrate = ["migrate", "--database-url", &url];
    assert_eq!(run(RAILGRAPH, here.path(), &migrate).code, Some(0));
    assert_eq!(run(RAILGRAPH, here.path(), &migrate).code, Some(0));
    let lost = "expected the key file railgraph.key that the database was encrypted with, found \
                none; restore it from its backup, or name it with --encryption-key-file";
    check(there.path(), &migrate.join(" "), lost);
    assert!(!there.path().join("railgraph.key").exists());
}

#[test]
fn wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["--unknown"][..],
        &["serve", "--network"],
        &["--listen", "nowhere"],
        &["frobnicate"],
        &["schema", "--listen", "127.0.0.1:0"],
        &["--id-number-check", "sometimes"],
    ] {
        let ended = run(RAILGRAPH, folder.path(), arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.err.starts_with("error: "), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains("--help"), "{arguments:?}: {}", ended.err);
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
}
