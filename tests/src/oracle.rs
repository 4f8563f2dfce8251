//! The slow, obvious enumeration of what an itinerary is (DESIGN §3). It reads the resolved
//! timetable, not the network file, and shares no code with either engine but the conversion
//! between local times and instants.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use schema::{Fare, Instant, LayoverPolicy, local_minute_of_day, service_origin};
use timetable_compiler::timetable::{ServiceJourney, Station, Timetable};

/// A ride of a train on a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ride {
    /// The train's place in the order of leg ids.
    pub train: usize,
    /// Its id in the source.
    pub source: Arc<str>,
    /// Its service date.
    pub date: NaiveDate,
    /// The calls at which it is boarded and left.
    pub calls: (usize, usize),
    /// Where it begins and ends.
    pub stations: (Arc<str>, Arc<str>),
    /// When it begins and ends.
    pub times: (Instant, Instant),
    /// What it costs.
    pub fare: Fare,
    train_type: Arc<str>,
    operator: Option<Arc<str>>,
}

/// One to three rides that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Itinerary {
    /// The rides.
    pub rides: Vec<Ride>,
}

impl Itinerary {
    /// When it begins.
    pub fn departure(&self) -> Instant {
        self.rides[0].times.0
    }

    /// When it ends.
    pub fn arrival(&self) -> Instant {
        self.rides[self.rides.len() - 1].times.1
    }

    /// What it costs.
    pub fn fare(&self) -> Fare {
        self.rides.iter().fold(Fare::ZERO, |sum, ride| sum.plus(ride.fare))
    }

    fn smallest_layover(&self) -> i32 {
        let layovers = self.rides.windows(2).map(|two| two[1].times.0 - two[0].times.1);
        layovers.min().unwrap_or(i32::MAX)
    }

    fn ids(&self) -> Vec<(usize, NaiveDate, (usize, usize))> {
        self.rides.iter().map(|ride| (ride.train, ride.date, ride.calls)).collect()
    }

    fn dominates(&self, other: &Self) -> bool {
        let no_worse = self.departure() >= other.departure()
            && self.arrival() <= other.arrival()
            && self.rides.len() <= other.rides.len()
            && no_dearer(self.fare(), other.fare());
        let equal = self.departure() == other.departure()
            && self.arrival() == other.arrival()
            && self.rides.len() == other.rides.len()
            && self.fare() == other.fare();
        if !equal {
            return no_worse;
        }
        match self.smallest_layover().cmp(&other.smallest_layover()) {
            std::cmp::Ordering::Equal => self.ids() < other.ids(),
            unequal => unequal.is_gt(),
        }
    }
}

fn no_dearer(left: Fare, right: Fare) -> bool {
    let price = |price: u32| (price != schema::NONE).then_some(price);
    let one = |left: Option<u32>, right: Option<u32>| match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left <= right,
        _ => false,
    };
    one(price(left.first), price(right.first)) && one(price(left.second), price(right.second))
}

/// What a request may ask for beyond a pair of stations. The default asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Most changes of train.
    pub stops_max: Option<usize>,
    /// Only these train types.
    pub train_types: Option<BTreeSet<String>>,
    /// None of these train types.
    pub train_types_excluded: BTreeSet<String>,
    /// Only these operators.
    pub operators: Option<BTreeSet<String>>,
    /// Minutes that a transfer takes at least.
    pub transfer_minutes_min: Option<i32>,
    /// Another layover policy than the network's.
    pub layover_policy: Option<LayoverPolicy>,
    /// Highest price in first class, and in second.
    pub price_max: (Option<u32>, Option<u32>),
    /// Longest duration in minutes.
    pub minutes_max: Option<i32>,
    /// Key of a station at which trains are changed.
    pub via: Option<String>,
}

type RidesBy<Key> = HashMap<Key, Vec<Arc<Ride>>>;

/// All dated rides of a timetable.
pub struct Oracle<'t> {
    timetable: &'t Timetable,
    stations: HashMap<&'t str, &'t Station>,
    /// By the station at which they begin, and by departure.
    from: RidesBy<Arc<str>>,
    /// The same by where they begin and end.
    between: RidesBy<(Arc<str>, Arc<str>)>,
}

impl<'t> Oracle<'t> {
    /// Lists every ride on every date.
    pub fn new(timetable: &'t Timetable) -> Self {
        let (first, last) = (timetable.first, timetable.last);
        let mut trains: Vec<&ServiceJourney> =
            timetable.journeys.iter().filter(|train| train.runs_within(first, last)).collect();
        trains.sort_by(|left, right| {
            let key = |train: &ServiceJourney| (train.source_id().to_owned(), train.first_day());
            key(left).cmp(&key(right)).then_with(|| left.calls.cmp(&right.calls))
        });
        let mut oracle = Self {
            timetable,
            stations: timetable.stations.iter().map(|it| (it.key.as_str(), it)).collect(),
            from: HashMap::new(),
            between: HashMap::new(),
        };
        for (number, train) in trains.into_iter().enumerate() {
            for (source, days) in &train.sources {
                for date in days.range(first..=last) {
                    oracle.add_rides(number, (train, source, *date));
                }
            }
        }
        for rides in oracle.from.values_mut().chain(oracle.between.values_mut()) {
            rides.sort_by_key(|ride| ride.times.0);
        }
        oracle
    }

    /// All feasible itineraries between two stations that satisfy what is asked.
    pub fn all(&self, from: &str, to: &str, asked: &Asked) -> Vec<Itinerary> {
        self.all_departing(from, to, asked, (Instant::MIN, Instant::MAX))
    }

    /// Those of them that depart from the first to the last instant.
    pub fn all_departing(
        &self,
        from: &str,
        to: &str,
        asked: &Asked,
        (first, last): (Instant, Instant),
    ) -> Vec<Itinerary> {
        let mut found = Vec::new();
        let rides = self.from.get(from).into_iter().flatten();
        for ride in rides.filter(|ride| ride.times.0 >= first && ride.times.0 <= last) {
            self.extend(&mut vec![&**ride], to, asked, &mut found);
        }
        found
    }

    /// Those of them that no other dominates, at whatever time.
    pub fn best(&self, from: &str, to: &str, asked: &Asked) -> Vec<Itinerary> {
        Self::undominated(&self.all(from, to, asked))
    }

    /// Those of some itineraries that none of them dominates.
    pub fn undominated(all: &[Itinerary]) -> Vec<Itinerary> {
        let stays = |it: &&Itinerary| !all.iter().any(|other| other.dominates(it));
        all.iter().filter(stays).cloned().collect()
    }

    fn extend<'o>(
        &'o self,
        so_far: &mut Vec<&'o Ride>,
        to: &str,
        asked: &Asked,
        found: &mut Vec<Itinerary>,
    ) {
        let last = so_far[so_far.len() - 1];
        if *last.stations.1 == *to {
            let itinerary = Itinerary { rides: so_far.iter().map(|it| (*it).clone()).collect() };
            if Self::satisfies(&itinerary, asked) {
                found.push(itinerary);
            }
        }
        if so_far.len() == 3 {
            return;
        }
        let here = &last.stations.1;
        let paths = self.timetable.footpaths.iter().filter(|path| *path.0 == **here);
        let reached: BTreeSet<&str> = paths.map(|path| &*path.1).chain([&**here]).collect();
        for station in reached {
            // The third ride is the last one: only those that end there count.
            let rides = if so_far.len() == 2 {
                self.between.get(&(station.into(), to.into()))
            } else {
                self.from.get(station)
            };
            let rides = rides.map_or(&[][..], Vec::as_slice);
            let start = rides.partition_point(|ride| ride.times.0 < last.times.1);
            let limit = so_far[0].times.0 + self.timetable.transfers.duration_minutes_max as i32;
            for next in rides[start..].iter().take_while(|ride| ride.times.0 <= limit) {
                if self.may_follow(so_far, next, asked) {
                    so_far.push(next);
                    self.extend(so_far, to, asked, found);
                    so_far.pop();
                }
            }
        }
    }

    fn may_follow(&self, so_far: &[&Ride], next: &Ride, asked: &Asked) -> bool {
        let last = so_far[so_far.len() - 1];
        let limit = self.timetable.transfers.duration_minutes_max as i32;
        if next.times.0 < last.times.1
            || next.times.1 - so_far[0].times.0 > limit
            || (last.train, last.date) == (next.train, next.date)
        {
            return false;
        }
        let again =
            |ride: &&Ride| ride.stations.0 == next.stations.0 || ride.stations.1 == next.stations.1;
        if so_far.iter().any(again) {
            return false;
        }
        let Some(needed) = self.change_minutes(&last.stations.1, &next.stations.0) else {
            return false;
        };
        let wait = next.times.0 - last.times.1;
        wait >= needed.max(asked.transfer_minutes_min.unwrap_or(0))
            && self.policy_allows(last, wait, asked)
    }

    fn change_minutes(&self, from: &str, to: &str) -> Option<i32> {
        if from == to {
            let own = self.station(from).transfer_minutes_min;
            return Some(own.unwrap_or(self.timetable.transfers.minutes_min_default).into());
        }
        let paths = self.timetable.footpaths.iter();
        paths.filter(|path| path.0 == from && path.1 == to).map(|path| path.2.into()).max()
    }

    fn policy_allows(&self, last: &Ride, wait: i32, asked: &Asked) -> bool {
        let policy = asked.layover_policy.unwrap_or(self.timetable.transfers.layover_policy);
        let begins = local_minute_of_day(self.station(&last.stations.1).zone, last.times.1);
        let by_day = (360..1320).contains(&begins);
        match policy {
            LayoverPolicy::None => true,
            LayoverPolicy::Strict => wait >= 15 && wait <= if by_day { 120 } else { 30 },
            LayoverPolicy::Lenient => wait >= 15 && wait <= if by_day { 180 } else { 30 },
        }
    }

    fn station(&self, key: &str) -> &Station {
        self.stations[key]
    }

    fn satisfies(it: &Itinerary, asked: &Asked) -> bool {
        let price_ok = |price: u32, most: Option<u32>| {
            most.is_none_or(|most| price != schema::NONE && price <= most)
        };
        asked.stops_max.is_none_or(|most| it.rides.len() <= most + 1)
            && it.rides.iter().all(|ride| {
                asked.train_types.as_ref().is_none_or(|only| only.contains(&*ride.train_type))
                    && !asked.train_types_excluded.contains(&*ride.train_type)
                    && asked.operators.as_ref().is_none_or(|only| {
                        ride.operator.as_ref().is_some_and(|operator| only.contains(&**operator))
                    })
            })
            && price_ok(it.fare().first, asked.price_max.0)
            && price_ok(it.fare().second, asked.price_max.1)
            && asked.minutes_max.is_none_or(|most| it.arrival() - it.departure() <= most)
            && asked.via.as_ref().is_none_or(|via| {
                it.rides
                    .windows(2)
                    .any(|two| *two[0].stations.1 == **via || *two[1].stations.0 == **via)
            })
    }

    fn add_rides(
        &mut self,
        number: usize,
        (train, source, date): (&ServiceJourney, &str, NaiveDate),
    ) {
        let origin = service_origin(self.timetable.zone, date);
        let text = |text: &str| Arc::<str>::from(text);
        let (source, train_type) = (text(source), text(&train.train_type));
        let operator = train.operator.as_deref().map(text);
        for (alight, end) in train.calls.iter().enumerate() {
            for (board, start) in train.calls[..alight].iter().enumerate() {
                if !start.may.0 || !end.may.1 {
                    continue;
                }
                let fare = train.fares.get(alight * (alight - 1) / 2 + board);
                let stations = (start.station.clone(), end.station.clone());
                let ride = Arc::new(Ride {
                    train: number,
                    source: source.clone(),
                    date,
                    calls: (board, alight),
                    stations: stations.clone(),
                    times: (origin + i32::from(start.departure), origin + i32::from(end.arrival)),
                    fare: fare.copied().unwrap_or(Fare::MISSING),
                    train_type: train_type.clone(),
                    operator: operator.clone(),
                });
                self.from.entry(stations.0.clone()).or_default().push(ride.clone());
                self.between.entry(stations).or_default().push(ride);
            }
        }
    }
}
