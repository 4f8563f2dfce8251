//! Finding clients and trips, and a client's trips page by page.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use server::booking::{BookTrip, Client, TripId};
use server::store::{
    BOOKED_LATER, BOOKED_OF_THE_DAY, COUNT_ACTIVE_TRIPS, FORGET_AFFECTED, OLDEST_INTERNAL,
    OLDEST_NAMED, OLDEST_UNSEALED, TripCursor, When,
};

use super::bench::{ada, alan, at, now, offer, offer_in, request, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    last_names_are_found_however_typed;
    id_numbers_are_found_however_typed;
    a_trip_is_shown_to_its_travellers;
    what_is_not_there_is_none;
    a_trip_is_current_until_its_day_ends_at_the_origin;
    current_soonest_first_past_latest_first;
    pages_join_without_gap_or_overlap;
    pages_stay_in_place_when_trips_are_booked;
    a_page_takes_four_statements;
    confirmed_trips_are_active_until_they_depart;
    active_trips_are_counted_without_their_rows;
    old_idempotency_keys_are_found_by_their_age;
    pages_of_trips_to_be_compared_join_without_gap_or_overlap;
    trips_to_be_compared_are_read_once_in_their_index_s_order;
}

/// Last names that are the same, and such that are not, as typed.
const LAST_NAMES: [(&str, &str, bool); 24] = [
    ("Strauß", "STRAUSS", true),
    ("Strauß", "Strau\u{1E9E}", true),
    ("STRAU\u{1E9E}", "strauss", true),
    ("Strauß", "Straus", false),
    ("İnönü", "i\u{307}nönü", true),
    ("İnönü", "I\u{307}no\u{308}nu\u{308}", true),
    ("Işık", "IŞIK", false),
    ("Işık", "ışık", false),
    ("ışık", "IŞIK", false),
    ("İpek", "ipek", false),
    ("Müller", "ＭÜＬＬＥＲ", true),
    ("Müller", "Mu\u{308}ller", true),
    ("Müller", "MÜLLER", true),
    ("Müller", "Muller", false),
    ("Müller", "Mueller", false),
    ("Nguyễn", "NGUYE\u{302}\u{303}N", true),
    ("Ångström", "A\u{30A}NGSTRO\u{308}M", true),
    ("Ångström", "\u{212B}ngström", true),
    ("Παπαδόπουλος", "ΠΑΠΑΔΌΠΟΥΛΟΣ", true),
    ("Smith-Jones", "SMITH-JONES", true),
    ("Smith-Jones", "Smith Jones", false),
    ("Smith-Jones", "Smith\u{2010}Jones", false),
    ("O'Brien", "O\u{2019}Brien", false),
    ("de la Cruz", "DE LA CRUZ ", true),
];

async fn last_names_are_found_however_typed(bench: Bench) {
    for (number, (booked, asked, same)) in LAST_NAMES.into_iter().enumerate() {
        let id = format!("A{number}");
        bench.book(&request_for(&[traveller("A", booked, &id)])).await;
        let client = bench.store.client(asked, &id).await.unwrap();
        let found = client.as_ref().map(|client| client.person.last_name());
        assert_eq!(found, same.then_some(booked), "{booked} and {asked}");
    }
}

async fn id_numbers_are_found_however_typed(bench: Bench) {
    bench.book(&request_for(&[traveller("A", "B", "ab-12 34")])).await;
    let same = [
        "AB1234",
        "ab 12-34",
        "A-B-1-2-3-4",
        "ａｂ１２３４",
        "A\u{2013}B\u{A0}1234",
        "AB\u{2011}12\u{2212}34",
        " \u{FEFF}AB\u{AD}1234\t",
        "AB\u{FF0D}1234",
    ];
    for spelling in same {
        let client = bench.store.client("B", spelling).await.unwrap();
        let found = client.as_ref().map(|client| client.person.id_number().as_str());
        assert_eq!(found, Some("AB1234"), "{spelling}");
    }
    for other in ["AB12345", "AB/1234", "AB_1234", "AB123", "ΑΒ1234", ""] {
        assert_eq!(bench.store.client("B", other).await.unwrap(), None, "{other}");
    }
}

async fn a_trip_is_shown_to_its_travellers(bench: Bench) {
    let trip = bench.book(&request_for(&[ada(), alan()])).await;
    let reference = trip.reference().to_string();
    for last_name in [None, Some("lovelace"), Some("TURING")] {
        let found = bench.store.trip(&reference, last_name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&trip), "{last_name:?}");
    }
    for last_name in ["Hopper", "", "Love"] {
        let found = bench.store.trip(&reference, Some(last_name)).await.unwrap();
        assert_eq!(found, None, "{last_name}");
    }
    let typed = format!(" {} ", reference.to_lowercase());
    assert_eq!(bench.store.trip(&typed, None).await.unwrap(), Some(trip));
}

async fn what_is_not_there_is_none(bench: Bench) {
    use server::booking::{ClientId, ReservationId, TicketId, TripId};
    let store = &bench.store;
    assert_eq!(store.trip("TRP-00000000", None).await.unwrap(), None);
    assert_eq!(store.trip("TRP-0000\u{0}000", Some("\u{0}")).await.unwrap(), None);
    assert_eq!(store.trip_by_id(TripId(-1)).await.unwrap(), None);
    assert_eq!(store.client("A\u{0}", "1").await.unwrap(), None);
    assert_eq!(store.client_by_id(ClientId(i64::MAX)).await.unwrap(), None);
    assert_eq!(store.reservation_by_id(ReservationId(1)).await.unwrap(), None);
    assert_eq!(store.ticket_by_id(TicketId(1)).await.unwrap(), None);
    let page = store.trips_of(ClientId(1), When::Current, now(), 20, None).await.unwrap();
    assert_eq!((page.edges.len(), page.total_count, page.has_next), (0, 0, false));
}

/// A trip that leaves at `departure` turns from current to past at `turn`.
async fn check_turn(bench: &Bench, departure: &str, zone: Tz, turn: &str) {
    let mut request = request();
    request.offer = Some(offer_in(departure, zone));
    let trip = bench.book(&request).await;
    let client = trip.reservations()[0].client.id;
    let turn = at(turn).to_utc();
    for (moment, current) in [(turn - TimeDelta::seconds(1), 1), (turn, 0)] {
        let count = async |when| {
            let page = bench.store.trips_of(client, when, moment, 20, None).await.unwrap();
            page.total_count
        };
        let seen = (count(When::Current).await, count(When::Past).await);
        assert_eq!(seen, (current, 1 - current), "{departure} at {moment}");
    }
    // Out of the way of the next one.
    let raw = bench.raw().await;
    for table in ["tickets", "reservations", "trip_legs", "trips"] {
        let sql = format!("DELETE FROM {table}");
        raw.execute_unprepared(&sql).await.unwrap();
    }
}

async fn a_trip_is_current_until_its_day_ends_at_the_origin(bench: Bench) {
    use chrono_tz::{Asia::Tokyo, Europe::Lisbon, Europe::Madrid, Pacific::Honolulu};
    let late = "2026-12-01T23:30:00+00:00";
    check_turn(&bench, late, Lisbon, "2026-12-02T00:00:00+00:00").await;
    check_turn(&bench, late, Madrid, "2026-12-03T00:00:00+01:00").await;
    check_turn(&bench, late, Tokyo, "2026-12-03T00:00:00+09:00").await;
    check_turn(&bench, late, Honolulu, "2026-12-02T00:00:00-10:00").await;
    // The first and the last minute of a day, and the day on which the clocks go forward.
    check_turn(&bench, "2026-12-01T00:00:00+01:00", Madrid, "2026-12-02T00:00:00+01:00").await;
    check_turn(&bench, "2026-12-01T23:59:00+01:00", Madrid, "2026-12-02T00:00:00+01:00").await;
    check_turn(&bench, "2027-03-28T01:30:00+01:00", Madrid, "2027-03-29T00:00:00+02:00").await;
}

/// Ada's trip on a day of December.
fn on_day(day: u32) -> BookTrip {
    let mut request = request_for(&[ada(), alan()]);
    request.offer = Some(offer(&format!("2026-12-{day:02}T09:00:00+01:00")));
    request
}

async fn book_days(bench: &Bench, days: impl IntoIterator<Item = u32>) -> Client {
    let mut client = None;
    for day in days {
        client = Some(bench.book(&on_day(day)).await.reservations()[0].client.clone());
    }
    client.unwrap()
}

async fn page(
    bench: &Bench,
    client: &Client,
    when: When,
    now: DateTime<Utc>,
    first: u32,
    after: Option<TripCursor>,
) -> (Vec<u32>, Option<TripCursor>, bool) {
    let page = bench.store.trips_of(client.id, when, now, first, after).await.unwrap();
    let days = page.edges.iter().map(|edge| chrono::Datelike::day(&edge.trip.departure()));
    (days.collect(), page.edges.last().map(|edge| edge.cursor), page.has_next)
}

async fn current_soonest_first_past_latest_first(bench: Bench) {
    let client = book_days(&bench, [5, 2, 9, 7]).await;
    let on_the_seventh = at("2026-12-07T20:00:00+01:00").to_utc();
    let (current, ..) = page(&bench, &client, When::Current, on_the_seventh, 20, None).await;
    let (past, ..) = page(&bench, &client, When::Past, on_the_seventh, 20, None).await;
    assert_eq!((current, past), (vec![7, 9], vec![5, 2]));
}

async fn pages_join_without_gap_or_overlap(bench: Bench) {
    let client = book_days(&bench, 1..=11).await;
    // Two trips that leave at the same minute are told apart by their numbers.
    let mut same_minute = on_day(4);
    let mut legs = super::bench::legs("2026-12-04T09:00:00+01:00", 1);
    legs[0].ride.source_id = "R9".into();
    let paris = chrono_tz::Europe::Paris;
    same_minute.offer = Some(server::booking::Offer::new(legs, "EUR", paris).unwrap());
    bench.book(&same_minute).await;

    let expected: Vec<u32> = vec![1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11];
    let new_year = at("2027-01-01T12:00:00+01:00").to_utc();
    for (when, moment) in [(When::Current, now()), (When::Past, new_year)] {
        for size in [1, 3, 4, 11, 12, 100] {
            let (mut all, mut after, mut more) = (Vec::new(), None, true);
            while more {
                let (days, last, has_next) = page(&bench, &client, when, moment, size, after).await;
                all.extend(days);
                (after, more) = (last, has_next);
            }
            if when == When::Past {
                all.reverse();
            }
            assert_eq!(all, expected, "{when:?} by {size}");
        }
    }
    let none = page(&bench, &client, When::Current, now(), 0, None).await;
    assert_eq!(none, (vec![], None, true));
}

async fn pages_stay_in_place_when_trips_are_booked(bench: Bench) {
    let client = book_days(&bench, [3, 5, 7]).await;
    let (first, after, _) = page(&bench, &client, When::Current, now(), 2, None).await;
    book_days(&bench, [2, 4, 6]).await;
    let (second, ..) = page(&bench, &client, When::Current, now(), 2, after).await;
    assert_eq!((first, second), (vec![3, 5], vec![6, 7]));
}

async fn a_page_takes_four_statements(bench: Bench) {
    let client = book_days(&bench, 1..=20).await;
    for size in [1, 20] {
        let before = bench.statements();
        page(&bench, &client, When::Current, now(), size, None).await;
        assert_eq!(bench.statements() - before, 4, "a page of {size}");
    }
}

async fn confirmed_trips_are_active_until_they_depart(bench: Bench) {
    let count = async |now| bench.store.count_active_trips(now).await.unwrap();
    assert_eq!(count(now()).await, 0);
    let (first, second) = (bench.book(&on_day(1)).await, bench.book(&on_day(2)).await);
    assert_eq!(count(now()).await, 2);
    let departure = first.departure().to_utc();
    assert_eq!(count(departure - TimeDelta::seconds(1)).await, 2);
    assert_eq!(count(departure).await, 1);
    bench.cancel(&second).await;
    assert_eq!((count(now()).await, count(departure).await), (1, 0));
}

/// How the database would answer a statement, where it may not read a table from its beginning.
async fn plan(bench: &Bench, statement: &str) -> Vec<String> {
    let raw = bench.raw().await;
    let backend = raw.get_database_backend();
    let transaction = raw.begin().await.unwrap();
    let (explain, column) = match backend {
        DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        _ => ("EXPLAIN", "QUERY PLAN"),
    };
    if backend == DbBackend::Postgres {
        // Of a table that is all but empty it would.
        let settings = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";
        transaction.execute_unprepared(settings).await.unwrap();
    }
    let values = [("$1", "1000"), ("$2", "500"), ("$3", "200")];
    let of_values = |sql: String, (place, value)| sql.replace(place, value);
    let sql = format!("{explain} {}", values.into_iter().fold(statement.to_owned(), of_values));
    let rows = transaction.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", column).unwrap()).collect()
}

async fn active_trips_are_counted_without_their_rows(bench: Bench) {
    let plan = plan(&bench, COUNT_ACTIVE_TRIPS).await;
    let only = ["COVERING INDEX ix_trips_current", "Index Only Scan using ix_trips_current"];
    assert!(plan.iter().any(|line| only.iter().any(|it| line.contains(it))), "{plan:?}");
}

async fn old_idempotency_keys_are_found_by_their_age(bench: Bench) {
    for (query, index) in [(OLDEST_NAMED, "named"), (OLDEST_INTERNAL, "internal")] {
        let plan = plan(&bench, query).await;
        let index = format!("ix_idempotency_keys_{index}");
        assert!(plan.iter().any(|line| line.contains(&index)), "{plan:?}");
        assert!(!is_sorted(&plan), "{plan:?}");
    }
}

/// Whether all rows are read before the first is given.
fn is_sorted(plan: &[String]) -> bool {
    plan.iter().any(|line| line.contains("Sort  (") || line.contains("TEMP B-TREE"))
}

async fn pages_of_trips_to_be_compared_join_without_gap_or_overlap(bench: Bench) {
    let mut days: [Vec<TripId>; 4] = Default::default();
    for (day, name) in [(2, "A1"), (2, "A2"), (1, "A3"), (2, "A4"), (1, "A5"), (3, "A6")] {
        let mut request = request_for(&[traveller("Ada", "Lovelace", name)]);
        request.offer = Some(offer(&format!("2026-12-{day:02}T09:00:00+01:00")));
        let trip = bench.book(&request).await;
        if name == "A2" {
            bench.cancel(&trip).await;
        } else {
            days[day].push(trip.id());
        }
    }
    // Numbers of the same millisecond do not ascend.
    for day in &mut days {
        day.sort();
    }
    let first_day_over = at("2026-12-02T00:00:00+01:00").to_utc();
    let last_minute = first_day_over - TimeDelta::seconds(1);
    for (moment, first_day) in [(now(), 1), (last_minute, 1), (first_day_over, 2)] {
        let expected = days[first_day..].concat();
        for size in 1..=6 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = bench.store.booked_trips(moment, size, after).await.unwrap();
                assert!(page.len() as u64 <= size);
                let Some(last) = page.last() else { break };
                after = Some(last.place);
                found.extend(page.iter().map(|trip| trip.id));
            }
            assert_eq!(found, expected, "by {size} at {moment}");
        }
    }
}

async fn trips_to_be_compared_are_read_once_in_their_index_s_order(bench: Bench) {
    let place = ["current_until=? AND id>?", "(current_until = 1000) AND (id > 500)"];
    let later = ["current_until>?", "current_until > 1000"];
    for (query, wanted) in [(BOOKED_OF_THE_DAY, place), (BOOKED_LATER, later)] {
        let plan = plan(&bench, query).await;
        let is_found = |line: &String| wanted.iter().any(|it| line.contains(it));
        assert!(plan.iter().any(is_found), "{wanted:?} in {plan:?}");
        assert!(!is_sorted(&plan), "{plan:?}");
    }
}

/// PostgreSQL goes by how many rows there are.
#[tokio::test]
async fn affected_trips_are_looked_up_to_be_forgotten() {
    let plan = plan(&Bench::sqlite().await, FORGET_AFFECTED).await;
    let looked_up = "SEARCH trips USING INTEGER PRIMARY KEY";
    assert!(plan.iter().any(|line| line.contains(looked_up)), "{plan:?}");
}

/// PostgreSQL goes by how many rows there are.
#[tokio::test]
async fn what_waits_for_its_seal_is_found_without_reading_the_log() {
    let plan = plan(&Bench::sqlite().await, OLDEST_UNSEALED).await;
    let looked_up = "SEARCH a USING INTEGER PRIMARY KEY";
    assert!(plan.iter().any(|line| line.contains(looked_up)), "{plan:?}");
}
