//! The audit log: a row per effect, never changed, and whatever is done to it is found.

use sea_orm::{ConnectionTrait, Statement};
use server::booking::{BookTrip, CancelScope, CancelTrip, IdempotencyKey};
use server::store::AuditHead;
use tests::random::Random;
use tests::tamper::Tampering;

use super::bench::{ada, alan, cancelling, key, now, offer, request, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    every_effect_has_one_row_and_nothing_else_has_one;
    the_database_refuses_every_change;
    a_chain_grows_and_contains_its_earlier_heads;
    tampering_is_found;
    a_log_that_was_set_back_is_found_by_a_noted_head;
    what_waits_without_a_row_in_the_log_does_not_keep_sealing_busy;
    several_servers_seal_one_chain;
    a_trip_that_vanishes_is_missed;
}

/// Every row as `EFFECT caller version`, in the order of the trips' versions.
async fn rows(bench: &Bench) -> Vec<String> {
    let raw = bench.raw().await;
    let sql = "SELECT effect, caller, trip_version FROM audit_log ORDER BY trip_id, trip_version";
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let rows = raw.query_all_raw(statement).await.unwrap();
    let text = |row: &sea_orm::QueryResult| {
        let effect: String = row.try_get("", "effect").unwrap();
        let caller: String = row.try_get("", "caller").unwrap();
        let version: Option<i32> = row.try_get("", "trip_version").unwrap();
        format!("{effect} {caller} {}", version.unwrap_or_default())
    };
    rows.iter().map(text).collect()
}

async fn whole(bench: &Bench) -> bool {
    bench.store.verify_audit(None).await.unwrap().findings.is_empty()
}

async fn every_effect_has_one_row_and_nothing_else_has_one(bench: Bench) {
    let mut first = request_for(&[ada(), alan()]);
    first.idempotency_key = Some(key("k"));
    let trip = bench.book(&first).await;
    // Nothing happens: a repetition, a refusal, a read.
    bench.book(&first).await;
    bench.refused(&request()).await;
    bench.store.trip_by_id(trip.id()).await.unwrap();
    assert_eq!(rows(&bench).await, ["BOOKED test 1"]);

    let one = CancelScope::Reservation(trip.reservations()[0].id);
    let one = CancelTrip { scope: one, caller: "desk".into(), ..cancelling(&trip) };
    bench.store.cancel(&one, now()).await.unwrap().unwrap();
    bench.store.cancel(&one, now()).await.unwrap().unwrap_err();
    bench.cancel(&trip).await;
    bench.store.cancel(&cancelling(&trip), now()).await.unwrap().unwrap_err();
    let expected = ["BOOKED test 1", "RESERVATION_CANCELLED desk 2", "TRIP_CANCELLED test 3"];
    assert_eq!(rows(&bench).await, expected);
    assert!(whole(&bench).await);
}

async fn the_database_refuses_every_change(bench: Bench) {
    bench.book(&request()).await;
    bench.store.seal_audit().await.unwrap();
    let raw = bench.raw().await;
    let mut refused = vec![
        "UPDATE audit_log SET caller = 'nobody'",
        "UPDATE audit_log SET at = at",
        "DELETE FROM audit_log",
        "UPDATE audit_seals SET hash = hash",
        "DELETE FROM audit_seals",
        "UPDATE audit_unlogged SET trip_version = 9",
    ];
    if bench.is_sqlite() {
        refused.push(
            "INSERT OR REPLACE INTO audit_log \
             SELECT id, 0, '', effect, NULL, NULL, NULL, NULL, mac FROM audit_log",
        );
    } else {
        refused.extend(["TRUNCATE audit_log CASCADE", "TRUNCATE audit_seals"]);
    }
    // A row, so that there is one to be refused for.
    let planted = "INSERT INTO audit_unlogged (trip_id, trip_version) VALUES (1, 1)";
    raw.execute_unprepared(planted).await.unwrap();
    for sql in refused {
        let error = raw.execute_unprepared(sql).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("cannot be changed"), "{sql}: {error}");
    }
}

async fn a_chain_grows_and_contains_its_earlier_heads(bench: Bench) {
    assert_eq!(bench.store.seal_audit().await.unwrap(), None);
    let trip = bench.book(&request()).await;
    assert_eq!(bench.store.verify_audit(None).await.unwrap().unsealed, 1);
    let first = bench.store.seal_audit().await.unwrap().unwrap();
    assert_eq!(first.sequence, 1);
    assert_eq!(bench.store.seal_audit().await.unwrap(), Some(first));
    bench.cancel(&trip).await;
    let second = bench.store.seal_audit().await.unwrap().unwrap();
    assert_eq!(bench.store.audit_head().await.unwrap(), Some(second));
    assert_eq!(second.to_string().parse(), Ok(second));
    for known in [None, Some(first), Some(second)] {
        let report = bench.store.verify_audit(known).await.unwrap();
        assert_eq!(report.findings, [""; 0], "{known:?}");
        assert_eq!((report.rows, report.unsealed, report.head), (2, 0, Some(second)));
    }
    let other = AuditHead { hash: [7; 32], ..second };
    let report = bench.store.verify_audit(Some(other)).await.unwrap();
    assert!(report.findings[0].contains("not in the chain"), "{:?}", report.findings);
}

/// Trips, some of them cancelled, wholly or in part; most of what was done is sealed.
async fn busy_day(bench: &Bench) {
    for person in 0..12 {
        let people = ["A", "B"].map(|name| traveller(name, "One", &format!("{name}{person}")));
        let trip = bench.book(&request_for(&people)).await;
        if person % 3 == 0 {
            let scope = CancelScope::Reservation(trip.reservations()[1].id);
            let part = CancelTrip { scope, ..cancelling(&trip) };
            bench.store.cancel(&part, now()).await.unwrap().unwrap();
        }
        if person % 4 == 0 {
            bench.cancel(&trip).await;
        }
        if person < 10 {
            bench.store.seal_audit().await.unwrap();
        }
    }
}

/// The short run of `bookings tamper`, see the README.
async fn tampering_is_found(bench: Bench) {
    busy_day(&bench).await;
    assert!(whole(&bench).await);
    let tampering = Tampering::begin(bench.raw_alone().await).await;
    let mut random = Random::of(5);
    for round in 0..100 {
        let done = tampering.tamper(&mut random).await;
        let report = bench.store.verify_audit(None).await.unwrap();
        assert!(!report.findings.is_empty(), "round {round}, not found: {done}");
        tampering.undo().await;
    }
    assert!(whole(&bench).await);
}

async fn a_log_that_was_set_back_is_found_by_a_noted_head(bench: Bench) {
    bench.book(&request()).await;
    bench.store.seal_audit().await.unwrap();
    let tampering = Tampering::begin(bench.raw_alone().await).await;
    bench.book(&request_for(&[alan()])).await;
    let raw = bench.raw_alone().await;
    // The trigger that queues rows for sealing is off.
    let queue = "INSERT INTO audit_unsealed SELECT id FROM audit_log \
                 WHERE id NOT IN (SELECT audit_id FROM audit_seals)";
    raw.execute_unprepared(queue).await.unwrap();
    let noted = bench.store.seal_audit().await.unwrap().unwrap();
    assert_eq!(noted.sequence, 2);
    let gone = "DELETE FROM tickets WHERE reservation_id IN (SELECT r.id FROM reservations r JOIN \
                kept_trips t ON t.id <> r.trip_id)";
    raw.execute_unprepared(gone).await.unwrap();
    for table in ["reservations", "trip_legs"] {
        let sql = format!("DELETE FROM {table} WHERE trip_id NOT IN (SELECT id FROM kept_trips)");
        raw.execute_unprepared(&sql).await.unwrap();
    }
    tampering.undo().await;
    assert!(whole(&bench).await, "the earlier state was whole, too");
    let report = bench.store.verify_audit(Some(noted)).await.unwrap();
    assert!(report.findings[0].contains("not in the chain"), "{:?}", report.findings);
}

async fn what_waits_without_a_row_in_the_log_does_not_keep_sealing_busy(bench: Bench) {
    bench.book(&request()).await;
    let raw = bench.raw().await;
    let queue = "INSERT INTO audit_unsealed (audit_id) WITH RECURSIVE n(i) AS \
                 (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 1000) SELECT -i FROM n";
    raw.execute_unprepared(queue).await.unwrap();
    let sealing = bench.store.seal_audit();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), sealing).await;
    ended.expect("an end").unwrap();
    let report = bench.store.verify_audit(None).await.unwrap();
    assert!(!report.findings.is_empty());
}

async fn several_servers_seal_one_chain(bench: Bench) {
    let servers = [bench.store.clone(), bench.reopen(|_| ()).await, bench.reopen(|_| ()).await];
    let mut tasks = tokio::task::JoinSet::new();
    for (server, index) in servers.iter().zip(0..) {
        let (writer, sealer) = (server.clone(), server.clone());
        tasks.spawn(async move {
            for person in 0..20 {
                let name = format!("P{index}N{person}");
                let mut request = request_for(&[traveller("A", "One", &name)]);
                request.idempotency_key = Some(IdempotencyKey(name));
                writer.book(&request, now()).await.unwrap().unwrap();
            }
        });
        tasks.spawn(async move {
            for _ in 0..20 {
                sealer.seal_audit().await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let head = bench.store.seal_audit().await.unwrap().unwrap();
    assert_eq!(head.sequence, 60);
    assert!(whole(&bench).await);
}

async fn a_trip_that_vanishes_is_missed(bench: Bench) {
    let on = |day: &str| BookTrip { offer: Some(offer(day)), ..request() };
    let trip = bench.book(&on("2026-12-01T09:00:00+01:00")).await;
    bench.book(&on("2026-12-02T09:00:00+01:00")).await;
    bench.store.seal_audit().await.unwrap();
    let raw = bench.raw().await;
    let id = trip.id().0;
    for sql in [
        "DELETE FROM tickets WHERE reservation_id IN \
         (SELECT id FROM reservations WHERE trip_id = ID)",
        "DELETE FROM reservations WHERE trip_id = ID",
        "DELETE FROM trip_legs WHERE trip_id = ID",
        "DELETE FROM trips WHERE id = ID",
    ] {
        raw.execute_unprepared(&sql.replace("ID", &id.to_string())).await.unwrap();
    }
    let report = bench.store.verify_audit(None).await.unwrap();
    assert_eq!(
        report.findings,
        [format!("a trip was booked and is nowhere: {}", trip.reference())]
    );
}
