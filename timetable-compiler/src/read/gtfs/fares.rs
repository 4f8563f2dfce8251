//! fare_attributes.txt and fare_rules.txt: what a leg costs.
//!
//! A fare applies to a leg if one of its rules does, or if it has none. GTFS has one class, which
//! is taken for the second. Of the fares that apply the cheapest counts, for one leg alone: that a
//! fare may include changes is not known to a network file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schema::{Fare, NONE};

use super::cells::{Keys, Tables, malformed};
use super::files::{fare_attributes, fare_rules};
use super::routes::{Agencies, Routes};
use super::stops::Stops;
use crate::notice::{Code, Findings, Notice};
use crate::read::csv::Row;
use crate::read::values::price;

/// A row of fare_attributes.txt.
struct GtfsFareRow {
    /// None where it cannot be used.
    cents: Option<u32>,
    currency: String,
    agency: u32,
    has_rules: bool,
    start: usize,
}

/// To which legs a rule applies; [`NONE`] stands for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Scope {
    agency: u32,
    route: u32,
    origin: u32,
    destination: u32,
}

/// The fares of a feed.
pub struct Fares {
    /// ISO 4217 code of the prices; none where there are none.
    pub currency: Option<String>,
    cheapest: HashMap<Scope, u32>,
    /// Those that apply only where exactly these zones are passed.
    passing: HashMap<Scope, Vec<(BTreeSet<u32>, u32)>>,
    /// For a route and the fare zones of a journey's calls, the table of its fares.
    known: HashMap<(u32, Vec<u32>), u32>,
    tables: Vec<Vec<Fare>>,
}

impl Fares {
    /// Reads both files.
    pub fn read(
        tables: &Tables<'_>,
        agencies: &Agencies,
        routes: &Routes,
        stops: &Stops,
        findings: &mut Findings,
    ) -> Self {
        let mut keys = Keys::of(fare_attributes::FORM, fare_attributes::ID);
        let mut fares = Vec::new();
        tables.each(fare_attributes::FORM, findings, |row, findings| {
            if keys.add(row, tables, findings).is_some() {
                fares.push(fare(row, agencies, tables, findings));
            }
        });
        let currency = keep_one_currency(&mut fares, tables, findings);
        let mut all = Self {
            currency,
            cheapest: HashMap::new(),
            passing: HashMap::new(),
            known: HashMap::new(),
            tables: Vec::new(),
        };
        all.read_rules(tables, (&keys, &mut fares), routes, stops, findings);
        for fare in fares.iter().filter(|fare| !fare.has_rules) {
            let scope = Scope { agency: fare.agency, route: NONE, origin: NONE, destination: NONE };
            all.add(scope, fare.cents);
        }
        all
    }

    fn read_rules(
        &mut self,
        tables: &Tables<'_>,
        (keys, fares): (&Keys, &mut [GtfsFareRow]),
        routes: &Routes,
        stops: &Stops,
        findings: &mut Findings,
    ) {
        use fare_rules::{CONTAINS, DESTINATION, FARE, FORM, ORIGIN, ROUTE};
        let mut passing: BTreeMap<(u32, Scope), BTreeSet<u32>> = BTreeMap::new();
        let action = "the rule was left out";
        tables.each(FORM, findings, |row, findings| {
            let fare = keys.refer((row, FARE), tables, action, findings);
            let route = match row.bytes(ROUTE) {
                b"" => Some(NONE),
                _ => routes.keys.refer((row, ROUTE), tables, action, findings),
            };
            let [origin, destination, contained] =
                [ORIGIN, DESTINATION, CONTAINS].map(|column| zone(row, column, stops, findings));
            let Some(at) = fare else { return };
            let fare = &mut fares[at as usize];
            // Even where a rule is left out, the fare must not come to apply to everything.
            fare.has_rules = true;
            let (Some(route), Some(origin), Some(destination), Some(contained)) =
                (route, origin, destination, contained)
            else {
                return;
            };
            let scope = Scope { agency: fare.agency, route, origin, destination };
            if contained == NONE {
                self.add(scope, fare.cents);
            } else {
                passing.entry((at, scope)).or_default().insert(contained);
            }
        });
        for ((at, scope), zones) in passing {
            if let Some(cents) = fares[at as usize].cents {
                self.passing.entry(scope).or_default().push((zones, cents));
            }
        }
    }

    fn add(&mut self, scope: Scope, cents: Option<u32>) {
        if let Some(cents) = cents {
            let cheapest = self.cheapest.entry(scope).or_insert(cents);
            *cheapest = (*cheapest).min(cents);
        }
    }

    /// The number of the fare table of a journey that calls in these fare zones; none where no
    /// fare applies.
    pub fn table(&mut self, route: u32, agency: Option<u32>, zones: &[u32]) -> Option<u32> {
        if self.cheapest.is_empty() && self.passing.is_empty() {
            return None;
        }
        let key = (route, zones.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Some(*known).filter(|table| *table != NONE);
        }
        let mut table = Vec::with_capacity(zones.len() * (zones.len() - 1) / 2);
        for alight in 1..zones.len() {
            for board in 0..alight {
                let second = self.price(route, agency, &zones[board..=alight]).unwrap_or(NONE);
                table.push(Fare { first: NONE, second });
            }
        }
        let found = if table.iter().all(|fare| *fare == Fare::MISSING) {
            NONE
        } else {
            self.tables.push(table);
            self.tables.len() as u32 - 1
        };
        self.known.insert(key, found);
        Some(found).filter(|table| *table != NONE)
    }

    /// The fares of a table; empty without one.
    pub fn of_table(&self, table: Option<u32>) -> Vec<Fare> {
        table.map_or_else(Vec::new, |table| self.tables[table as usize].clone())
    }

    /// The cheapest fare of a leg that passes these zones.
    fn price(&self, route: u32, agency: Option<u32>, zones: &[u32]) -> Option<u32> {
        let passed: BTreeSet<u32> =
            if self.passing.is_empty() { BTreeSet::new() } else { zones.iter().copied().collect() };
        let either = |it: u32| if it == NONE { vec![NONE] } else { vec![NONE, it] };
        let (origin, destination) = (zones[0], zones[zones.len() - 1]);
        let mut cheapest: Option<u32> = None;
        for agency in either(agency.unwrap_or(NONE)) {
            for route in either(route) {
                for origin in either(origin) {
                    for destination in either(destination) {
                        let scope = Scope { agency, route, origin, destination };
                        let passing = self.passing.get(&scope).into_iter().flatten();
                        let passing = passing.filter(|(zones, _)| *zones == passed);
                        let found = self.cheapest.get(&scope).copied();
                        cheapest = (found.into_iter().chain(passing.map(|(_, cents)| *cents)))
                            .chain(cheapest)
                            .min();
                    }
                }
            }
        }
        cheapest
    }
}

fn fare(
    row: &Row<'_, '_>,
    agencies: &Agencies,
    tables: &Tables<'_>,
    findings: &mut Findings,
) -> GtfsFareRow {
    use fare_attributes::{AGENCY, CURRENCY, PRICE};
    let action = "the fare was left out";
    let currency = row.get(CURRENCY).unwrap_or_default().into_owned();
    let is_code = currency.len() == 3 && currency.bytes().all(|it| it.is_ascii_uppercase());
    if !is_code {
        let sentence = "the currency is not a code of three capital letters";
        malformed(row, CURRENCY, sentence, action, findings);
    }
    let value = row.get(PRICE).unwrap_or_default();
    let cents = match price(&value) {
        Ok(price) if price.cents.is_some() => price.cents,
        Ok(_) => {
            malformed(row, PRICE, "the value is empty", action, findings);
            None
        }
        Err(fault) => {
            let sentence = format!("the price {}", fault.predicate);
            let notice = Notice::new(fault.code, sentence).at(row.place(PRICE)).value(value);
            findings.add(Notice { help: fault.help, ..notice });
            None
        }
    };
    let agency = match row.bytes(AGENCY) {
        b"" => Some(NONE),
        _ => agencies.of((row, AGENCY), tables, action, findings),
    };
    GtfsFareRow {
        cents: cents.filter(|_| is_code && agency.is_some()),
        currency,
        agency: agency.unwrap_or(NONE),
        has_rules: false,
        start: row.at().start,
    }
}

/// A fare zone that stops have; [`NONE`] where the field is empty.
fn zone(row: &Row<'_, '_>, column: usize, stops: &Stops, findings: &mut Findings) -> Option<u32> {
    let name = row.get(column).unwrap_or_default();
    if name.is_empty() {
        return Some(NONE);
    }
    let found = stops.fare_zone_of(&name);
    if found.is_none() {
        let sentence = "stops.txt has no such zone_id";
        let notice = Notice::new(Code::UnknownReference, sentence).at(row.place(column));
        findings.add(notice.value(name).action("the rule was left out"));
    }
    found
}

/// Leaves the prices in other currencies than the one that most have.
fn keep_one_currency(
    fares: &mut [GtfsFareRow],
    tables: &Tables<'_>,
    findings: &mut Findings,
) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for fare in fares.iter().filter(|fare| fare.cents.is_some()) {
        *counts.entry(fare.currency.clone()).or_default() += 1;
    }
    // Of equally many the first by name, whatever the order of the rows.
    let most = counts.iter().max_by(|one, two| one.1.cmp(two.1).then(two.0.cmp(one.0)));
    let most = most.map(|(currency, _)| currency.clone())?;
    for fare in fares.iter_mut().filter(|fare| fare.cents.is_some() && fare.currency != most) {
        fare.cents = None;
        let sentence = format!("the fare is not in {most}, the currency of most fares");
        let place = (fare_attributes::FORM, fare.start, fare_attributes::CURRENCY);
        let notice = tables.notice(Code::CurrencyLeftOut, sentence, place);
        findings.add(notice.action("the fare was left out"));
    }
    Some(most)
}
