//! The commands that work on the database and end: `archive`, `audit`, `keys`, `client`.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use crate::booking::ClientId;
use crate::cli::{
    ArchiveOptions, AuditVerifyOptions, ClientEraseOptions, DatabaseOptions, Expires,
    KeysCreateOptions, KeysRevokeOptions, KeysRotateOptions,
};
use crate::graphql::client_row;
use crate::serve::{IfMissing, StartError, close, find_keys, now, open_store, say};
use crate::store::{
    Archived, Erasure, KeyFile, NewApiKey, Randomness, Revocation, Store, StoreError, archive_date,
    place,
};

/// The caller that the audit log names for what a command has done.
const CALLER: &str = "railgraph command";

/// How long to wait for another server's turn to end: those of servers that were killed do.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// How often to look whether it has.
const TURN_LOOK: Duration = Duration::from_millis(100);

/// Says it on standard error, past the log.
fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `archive`: moves old trips out, or back, or looks the archive through.
pub async fn archive(options: &ArchiveOptions) -> Result<ExitCode, StartError> {
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let ended = archive_in(&store, options).await;
    close(&store).await;
    Ok(ended?)
}

async fn archive_in(store: &Store, options: &ArchiveOptions) -> Result<ExitCode, StoreError> {
    if options.verify {
        let report = store.verify_archive().await?;
        for finding in &report.findings {
            warn(&format!("error: {finding}"));
        }
        say(&format!("{} trips in {} files", report.trips, report.segments));
        let whole = report.findings.is_empty();
        return Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let Some(file) = &options.restore {
        let file = Some(file.as_str()).filter(|file| *file != "all");
        let Some(done) = in_turn(|| store.restore(file, CALLER, now())).await? else {
            return Ok(ExitCode::FAILURE);
        };
        say(&format!("{} trips brought back from {} files", done.trips, done.segments));
        return Ok(ExitCode::SUCCESS);
    }
    let before = options.before.unwrap_or_else(|| archive_date(now()));
    let Some(done) = in_turn(|| store.archive(before, CALLER, now())).await? else {
        return Ok(ExitCode::FAILURE);
    };
    say(&format!("{} trips moved to {} files", done.trips, done.segments));
    Ok(ExitCode::SUCCESS)
}

/// Does it once no other server is at it; `None` where one stays at it. One that was killed is
/// taken to be at it for a second.
async fn in_turn<F, Fut>(attempt: F) -> Result<Option<Archived>, StoreError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Option<Archived>, StoreError>>,
{
    let begun = Instant::now();
    let mut has_waited = false;
    loop {
        if let Some(done) = attempt().await? {
            return Ok(Some(done));
        }
        if begun.elapsed() > TURN_WAIT {
            warn(
                "error: another server is archiving at the moment; run this again when it is done",
            );
            return Ok(None);
        }
        if !has_waited {
            warn("waiting: another server is archiving, or was a moment ago");
            has_waited = true;
        }
        tokio::time::sleep(TURN_LOOK).await;
    }
}

/// `audit verify`: 0 where the log is whole, 1 where it is not.
pub async fn audit_verify(options: &AuditVerifyOptions) -> Result<ExitCode, StartError> {
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let report = store.verify_audit(options.head).await;
    close(&store).await;
    let report = report?;
    for finding in &report.findings {
        warn(&format!("error: {finding}"));
    }
    let head = report.head.map_or_else(|| "none".to_owned(), |head| head.to_string());
    let (rows, unsealed) = (report.rows, report.unsealed);
    say(&format!("{rows} rows read, {unsealed} of them not sealed yet; head {head}"));
    if report.findings.is_empty() {
        say("the audit log is whole");
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("the audit log is NOT whole: {} findings", report.findings.len()));
    Ok(ExitCode::FAILURE)
}

/// `keys create`: the key alone on standard output, and what there is to say of it on standard
/// error.
pub async fn keys_create(options: &KeysCreateOptions) -> Result<ExitCode, StartError> {
    let now = now();
    let expires_at = match options.expires {
        Expires::After(days) => now + TimeDelta::days(i64::from(days)),
        Expires::On(date) => {
            let end = date.succ_opt().filter(|_| date >= now.date_naive());
            let end = end.ok_or(StartError::ExpiresBefore(date))?;
            end.and_time(NaiveTime::MIN).and_utc()
        }
    };
    let new = NewApiKey { name: options.name.clone(), scopes: options.scopes, expires_at };
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let key = store.create_api_key(&new, CALLER, now).await;
    close(&store).await;
    let key = key?;
    say(&key.reveal());
    warn(&format!(
        "API key {} of {:?} for {}, until {}, in {}; it is shown this once and stored nowhere",
        key.id(),
        new.name,
        new.scopes,
        moment(expires_at),
        place(&options.database.database_url),
    ));
    Ok(ExitCode::SUCCESS)
}

/// `keys list`: a line for each API key.
pub async fn keys_list(options: &DatabaseOptions) -> Result<ExitCode, StartError> {
    let store = open_store(options, IfMissing::Refuse).await?;
    let keys = store.api_keys().await;
    close(&store).await;
    let now = now();
    say("id                state    scopes                      created           \
         expires           last used         name");
    for key in keys? {
        let state = match key.revoked_at {
            Some(_) => "revoked",
            None if key.expires_at <= now => "expired",
            None => "good",
        };
        let used = key.last_used_at.map_or_else(|| "never".to_owned(), moment);
        let (created, expires) = (moment(key.created_at), moment(key.expires_at));
        let (id, scopes, name) = (key.id, key.scopes.to_string(), key.name);
        say(&format!("{id}  {state:<7}  {scopes:<26}  {created}  {expires}  {used:<16}  {name}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A moment to the minute, in UTC.
fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%MZ").to_string()
}

/// `keys revoke`: 0 where the key is revoked now.
pub async fn keys_revoke(options: &KeysRevokeOptions) -> Result<ExitCode, StartError> {
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let revoked = store.revoke_api_key(&options.id, CALLER, now()).await;
    close(&store).await;
    match revoked? {
        Revocation::Revoked => {
            say("revoked: servers refuse it within five seconds");
            return Ok(ExitCode::SUCCESS);
        }
        Revocation::RevokedBefore => warn("error: the key was revoked before"),
        Revocation::Unknown => {
            warn("error: there is no key with this id; `railgraph keys list` names all");
        }
    }
    Ok(ExitCode::FAILURE)
}

/// `keys rotate`: new keys into the file, then every client under them.
pub async fn keys_rotate(options: &KeysRotateOptions) -> Result<ExitCode, StartError> {
    let found = find_keys(&options.database, IfMissing::Refuse).await?;
    let [index, encryption] = found.keys.numbers();
    let begun = index.len() > 1 || encryption.len() > 1;
    if options.drop_old {
        return drop_old(options, &found.keys, &found.path).await;
    }
    // What a rotation that was interrupted, or prepared, has added is used.
    if !begun {
        found.keys.with_next(&Randomness::system())?.replace(&found.path)?;
        say(&format!("new keys are in {}", found.path.display()));
    }
    if options.prepare {
        say("give this key file to all servers, then run `railgraph keys rotate`");
        return Ok(ExitCode::SUCCESS);
    }
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let done = store.rotate_keys(CALLER, now()).await;
    close(&store).await;
    let done = done?;
    say(&format!(
        "sealed under the new key: {}; entered under the new index key: {}; old keys retired: {}",
        done.rewrapped, done.reindexed, done.retired
    ));
    say("the old keys are still in the key file, for backups of the database; \
         `railgraph keys rotate --drop-old` removes them");
    Ok(ExitCode::SUCCESS)
}

/// Removes from the key file what the database does not use any more.
async fn drop_old(
    options: &KeysRotateOptions,
    keys: &KeyFile,
    path: &Path,
) -> Result<ExitCode, StartError> {
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let used = store.key_numbers().await;
    close(&store).await;
    let newest = keys.with_newest_only();
    if used? != newest.numbers() {
        warn("error: the database still uses old keys; run `railgraph keys rotate` first");
        return Ok(ExitCode::FAILURE);
    }
    newest.replace(path)?;
    say("the old keys are gone; backups of the database from before cannot be read any more");
    Ok(ExitCode::SUCCESS)
}

/// `client erase`: whoever is named on standard input, or by id.
pub async fn client_erase(options: &ClientEraseOptions) -> Result<ExitCode, StartError> {
    let store = open_store(&options.database, IfMissing::Refuse).await?;
    let erased = erase(&store, options.id.as_deref()).await;
    close(&store).await;
    match erased? {
        Erasure::Erased => {
            say("erased: nothing of the person is left in the database that could be read");
            say("backups hold the names until the keys are rotated and the old ones destroyed");
            Ok(ExitCode::SUCCESS)
        }
        Erasure::Unknown => {
            let hint = "check the last name and the id number, or the --id";
            warn(&format!("error: there is no such client; {hint}"));
            Ok(ExitCode::FAILURE)
        }
        Erasure::HasCurrentTrips(reservations) => {
            warn(&format!(
                "error: the client has {reservations} reservations that are not travelled yet; \
                 cancel them first"
            ));
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn erase(store: &Store, id: Option<&str>) -> Result<Erasure, StoreError> {
    let row = if let Some(id) = id {
        client_row(id)
    } else {
        // Not as arguments: those can be seen by everybody on the machine, and stay in histories.
        let (last_name, id_number) = (ask("last name"), ask("id number"));
        store.client(&last_name, &id_number).await?.map(|client| client.id.0)
    };
    match row {
        Some(row) => store.erase_client(ClientId(row), CALLER, now()).await,
        None => Ok(Erasure::Unknown),
    }
}

fn ask(what: &str) -> String {
    warn(&format!("{what}:"));
    let mut line = String::new();
    // At the end of the input nothing was said, and nobody is found.
    let _ = std::io::stdin().lock().read_line(&mut line);
    line.trim_end_matches(['\r', '\n']).to_owned()
}
