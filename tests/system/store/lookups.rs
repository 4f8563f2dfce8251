//! Clients that are looked up again: from the cache, and never older than they are.

use server::store::Erasure;

use super::bench::{ada, now, request, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    who_is_asked_for_again_costs_no_statement;
    who_books_is_found_from_then_on;
    who_is_erased_is_not_found_any_more;
}

async fn who_is_asked_for_again_costs_no_statement(bench: Bench) {
    bench.book(&request_for(&[ada()])).await;
    let before = bench.statements();
    for spelling in ["Lovelace", "LOVELACE", " lovelace "] {
        assert!(bench.store.client(spelling, "gb123456").await.unwrap().is_some());
    }
    assert_eq!(bench.statements() - before, 1);
    let stats = bench.store.lookup_stats();
    assert_eq!((stats.hits, stats.misses), (2, 1));
    assert!((stats.hit_ratio() - 2.0 / 3.0).abs() < 1e-9);
}

async fn who_books_is_found_from_then_on(bench: Bench) {
    for round in 0..20 {
        let (name, number) = ("One", format!("N{round}"));
        assert_eq!(bench.store.client(name, &number).await.unwrap(), None);
        let trip = bench.book(&request_for(&[traveller("A", name, &number)])).await;
        let found = bench.store.client(name, &number).await.unwrap();
        assert_eq!(found.as_ref(), Some(&trip.reservations()[0].client));
    }
}

async fn who_is_erased_is_not_found_any_more(bench: Bench) {
    let trip = bench.book(&request()).await;
    bench.cancel(&trip).await;
    assert!(bench.store.client("Lovelace", "GB123456").await.unwrap().is_some());
    let id = trip.reservations()[0].client.id;
    assert_eq!(bench.store.erase_client(id, "test", now()).await.unwrap(), Erasure::Erased);
    assert_eq!(bench.store.client("Lovelace", "GB123456").await.unwrap(), None);
}
