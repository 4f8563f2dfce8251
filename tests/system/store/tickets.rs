//! Ticket numbers, whatever the clock does.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use server::store::Store;

use tests::measure::Place;
use tests::measure::tickets::measure;

use super::bench::{now, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    numbers_increase_when_the_clock_steps_back;
    numbers_sort_by_second_across_servers;
}

/// The short run of `bookings tickets`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_with_stepping_clocks_issue_no_number_twice() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_bookings"));
    for postgres in [false, true] {
        let Some(place) = Place::new(postgres) else { continue };
        let found = measure(&place, program, 3, 300_000, 7).await;
        let wrong = (found.duplicates, found.wrong_length, found.not_ascending);
        assert_eq!((found.count, wrong, found.before_their_second), (300_000, (0, 0, 0), 0));
        assert!(found.steps > 0, "{found:?}");
    }
}

/// Issues two tickets at a moment and gives their numbers.
async fn issue(store: &Store, person: usize, moment: DateTime<Utc>) -> Vec<u64> {
    let one = |letter| traveller("Some", "One", &format!("{letter}{person}"));
    let trip = store.book(&request_for(&[one('A'), one('B')]), moment).await.unwrap().unwrap();
    trip.reservations().iter().map(|place| place.ticket.number.0).collect()
}

async fn numbers_increase_when_the_clock_steps_back(bench: Bench) {
    let servers = [bench.store.clone(), bench.reopen(|_| ()).await];
    let mut all = HashSet::new();
    let mut last_of = [0, 0];
    for (person, step) in [0, 0, 1, 2, -3600, -3599, -3599, 5, -7200, 5].into_iter().enumerate() {
        for (index, server) in servers.iter().enumerate() {
            let moment = now() + TimeDelta::seconds(step);
            for number in issue(server, 2 * person + index, moment).await {
                assert_eq!(number.to_string().len(), 15);
                assert!(number > last_of[index], "{number} after {}", last_of[index]);
                last_of[index] = number;
                assert!(all.insert(number), "{number} twice");
            }
        }
    }
    assert_eq!(all.len(), 40);
}

async fn numbers_sort_by_second_across_servers(bench: Bench) {
    let servers = [bench.store.clone(), bench.reopen(|_| ()).await];
    let mut highest = 0;
    for second in 0..5 {
        let moment = now() + TimeDelta::seconds(second);
        let mut numbers = issue(&servers[0], 2 * second as usize, moment).await;
        numbers.extend(issue(&servers[1], 2 * second as usize + 1, moment).await);
        let (lowest, top) = (numbers.iter().min().unwrap(), numbers.iter().max().unwrap());
        assert!(*lowest > highest);
        assert_eq!(top / 100_000, moment.timestamp() as u64);
        highest = *top;
    }
}
