//! A national timetable that is nobody's: a GTFS feed of any size, the same for the same sizes.
//!
//! Some thirty nodes are joined by main lines. Along these run long-distance trains that call at 8
//! to 15 stations and pass the others, half-hourly and hourly fast trains, and a few night trains;
//! regional lines of 10 to 30 calls branch off them. Each line has patterns of stops and runs on
//! weekdays, weekends or daily, with exceptions on some dates. As in some national feeds a trip is
//! written once for each date on which it runs, or for each week where it is a regional one, so
//! that the compiler has to find out which are the same train: 1,500 stations, 6,500 trains a day
//! and two months give some two million stop times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use chrono::{Datelike, NaiveDate};

use crate::random::Random;

/// The first service date, three weeks before clocks change.
pub const FIRST_DATE: &str = "2026-10-01";

/// How large a feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Stations, at least 60.
    pub stations: usize,
    /// Trains on a weekday.
    pub trains: usize,
    /// Service dates.
    pub days: usize,
}

/// How many rows a feed has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stations.
    pub stations: usize,
    /// Routes.
    pub routes: usize,
    /// Trains as people know them.
    pub trains: usize,
    /// Trips: a train on a date, or in a week.
    pub trips: usize,
    /// Stop times.
    pub stop_times: usize,
    /// Trains on the day with the most.
    pub trains_a_day: usize,
}

/// On which dates a train runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    Daily,
    Weekdays,
    Weekends,
}

/// A train as people know it.
struct Train {
    route: usize,
    number: usize,
    runs: Runs,
    /// One date in so many it does not run, or runs though it should not; 0 is never.
    exception_every: usize,
    /// Stations and minutes after midnight of arrival and departure.
    calls: Vec<(usize, u32, u32)>,
}

/// A line: its stations in order, and the minutes from each to the next one.
struct Line {
    kind: Kind,
    stations: Vec<usize>,
    minutes: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Long,
    Fast,
    Regional,
    Night,
}

impl Kind {
    const ALL: [(Self, &'static str, u32); 4] = [
        (Self::Long, "LD", 101),
        (Self::Fast, "IR", 103),
        (Self::Regional, "R", 106),
        (Self::Night, "NT", 105),
    ];

    fn name_and_type(self) -> (&'static str, u32) {
        let found = Self::ALL.iter().find(|(kind, ..)| *kind == self);
        found.map_or(("R", 106), |(_, name, route_type)| (name, *route_type))
    }
}

/// A nine-column CSV whose trains are spread evenly over cities, hours, days and prices: what a
/// search that compares prices finds hardest.
///
/// # Panics
///
/// Where there are fewer than two cities.
pub fn even_csv(rows: usize, cities: usize) -> String {
    const DAYS: [&str; 5] = ["Daily", "Mon-Fri", "Fri-Sun", "\"Mon,Wed,Fri\"", "Sat-Sun"];
    assert!(cities > 1, "a train has two cities");
    let mut random = Random::of(2_026);
    let mut csv = format!("{}\n", crate::feed::HEADER);
    for row in 0..rows {
        let from = random.below(cities);
        let to = (from + 1 + random.below(cities - 1)) % cities;
        let departure = random.below(1440);
        let arrival = departure + 30 + random.below(570);
        let next_day = if arrival < 1440 { "" } else { " (+1d)" };
        let time = |minute: usize| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let (departure, arrival) = (time(departure), time(arrival));
        let (days, second) = (random.of_slice(&DAYS), 10 + random.below(150));
        let first = second + random.below(150);
        // Writing to a string cannot fail.
        let _ = writeln!(
            csv,
            "R{row:05},City{from:04},City{to:04},{departure},{arrival}{next_day},IC,{days},\
             {first},{second}"
        );
    }
    csv
}

/// A national timetable.
pub struct National {
    size: Size,
    places: Vec<(f64, f64)>,
    lines: Vec<Line>,
    trains: Vec<Train>,
}

impl National {
    /// Of this size.
    ///
    /// # Panics
    ///
    /// Where there are fewer than 60 stations, no trains or no days.
    pub fn of(size: Size) -> Self {
        assert!(size.stations >= 60 && size.trains > 0 && size.days > 0, "{size:?} is no country");
        let mut random = Random::of(2_026);
        let (places, lines) = lines(size.stations, &mut random);
        let trains = trains(&lines, size.trains, &mut random);
        Self { size, places, lines, trains }
    }

    /// Writes the feed into a folder, which is made, and says how much it is.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn write(&self, folder: &Path) -> io::Result<Counts> {
        std::fs::create_dir_all(folder)?;
        let file = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
        file("agency.txt")?.write_all(
            b"agency_id,agency_name,agency_url,agency_timezone\n\
              N,National Rail,https://rail.example,Europe/Madrid\n",
        )?;
        self.write_stops(file("stops.txt")?)?;
        self.write_routes(file("routes.txt")?)?;
        let names = ["trips.txt", "stop_times.txt", "calendar.txt", "calendar_dates.txt"];
        let [trips, stop_times, calendar, dates] = names.map(file);
        self.write_trips([trips?, stop_times?, calendar?, dates?])
    }

    fn write_stops(&self, mut to: impl Write) -> io::Result<()> {
        writeln!(to, "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station")?;
        for (at, (latitude, longitude)) in self.places.iter().enumerate() {
            writeln!(to, "S{at},{},{latitude:.5},{longitude:.5},1,", name(at))?;
            writeln!(to, "S{at}P,{},{latitude:.5},{longitude:.5},0,S{at}", name(at))?;
        }
        to.flush()
    }

    fn write_routes(&self, mut to: impl Write) -> io::Result<()> {
        writeln!(to, "route_id,agency_id,route_short_name,route_long_name,route_type")?;
        for (at, line) in self.lines.iter().enumerate() {
            let (short, route_type) = line.kind.name_and_type();
            let ends = [line.stations.first(), line.stations.last()];
            let [from, to_name] = ends.map(|station| name(station.copied().unwrap_or_default()));
            writeln!(to, "L{at},N,{short},{from} - {to_name},{route_type}")?;
        }
        to.flush()
    }

    /// Trips week by week: those of regional trains once a week, the others once a date.
    fn write_trips(&self, to: [impl Write; 4]) -> io::Result<Counts> {
        let [mut trips, mut stop_times, mut calendar, mut dates] = to;
        writeln!(trips, "route_id,service_id,trip_id,trip_short_name")?;
        writeln!(stop_times, "trip_id,arrival_time,departure_time,stop_id,stop_sequence")?;
        let weekdays = "monday,tuesday,wednesday,thursday,friday,saturday,sunday";
        writeln!(calendar, "service_id,{weekdays},start_date,end_date")?;
        writeln!(dates, "service_id,date,exception_type")?;
        let mut counts = Counts {
            stations: self.places.len(),
            routes: self.lines.len(),
            trains: self.trains.len(),
            ..Counts::default()
        };
        let first: NaiveDate = FIRST_DATE.parse().unwrap_or_default();
        let all: Vec<NaiveDate> = first.iter_days().take(self.size.days).collect();
        let mut trains_of_day = BTreeMap::new();
        for week in all.chunks(7) {
            let mut services = Services::default();
            for (nth, train) in self.trains.iter().enumerate() {
                let days: Vec<NaiveDate> =
                    week.iter().copied().filter(|date| train.runs_on(*date, nth)).collect();
                for date in &days {
                    *trains_of_day.entry(*date).or_insert(0) += 1;
                }
                let ids = if self.lines[train.route].kind == Kind::Regional {
                    services.weekly(week, nth, train, &days).into_iter().collect()
                } else {
                    days.iter().map(|date| services.dated(*date)).collect::<Vec<_>>()
                };
                for service in ids {
                    let id = format!("{nth}-{service}");
                    writeln!(trips, "L{},{service},{id},{:05}", train.route, train.number)?;
                    stop_times.write_all(train.stop_times(&id).as_bytes())?;
                    counts.trips += 1;
                    counts.stop_times += train.calls.len();
                }
            }
            for (row, exceptions) in services.rows.values() {
                calendar.write_all(row.as_bytes())?;
                dates.write_all(exceptions.as_bytes())?;
            }
        }
        counts.trains_a_day = trains_of_day.values().copied().max().unwrap_or_default();
        for file in [&mut trips, &mut stop_times, &mut calendar, &mut dates] {
            file.flush()?;
        }
        Ok(counts)
    }
}

/// The services of a week: their rows in calendar.txt and calendar_dates.txt, by id.
#[derive(Default)]
struct Services {
    rows: BTreeMap<String, (String, String)>,
}

impl Services {
    /// One that is on a date alone, which only calendar_dates.txt has.
    fn dated(&mut self, date: NaiveDate) -> String {
        let date = date.format("%Y%m%d");
        let id = format!("D{date}");
        self.rows.entry(id.clone()).or_insert_with(|| (String::new(), format!("{id},{date},1\n")));
        id
    }

    /// The one of a train in a week, shared with the others that run as usual; none where it does
    /// not run at all.
    fn weekly(
        &mut self,
        week: &[NaiveDate],
        nth: usize,
        train: &Train,
        days: &[NaiveDate],
    ) -> Option<String> {
        let [first, last] = [week.first()?, week.last()?].map(|date| date.format("%Y%m%d"));
        days.first()?;
        let usual = |date: &&NaiveDate| train.runs.usually(**date);
        let is_usual = days.iter().eq(week.iter().filter(usual));
        let (flags, name) = match train.runs {
            Runs::Daily => ("1,1,1,1,1,1,1", "A"),
            Runs::Weekdays => ("1,1,1,1,1,0,0", "W"),
            Runs::Weekends => ("0,0,0,0,0,1,1", "E"),
        };
        let id = if is_usual { format!("{name}{first}") } else { format!("X{nth}{name}{first}") };
        let row = format!("{id},{flags},{first},{last}\n");
        let mut exceptions = String::new();
        for date in week {
            let (is, was) = (days.contains(date), train.runs.usually(*date));
            if is != was {
                let kind = if is { 1 } else { 2 };
                // Writing to a string cannot fail.
                let _ = writeln!(exceptions, "{id},{},{kind}", date.format("%Y%m%d"));
            }
        }
        self.rows.entry(id.clone()).or_insert((row, exceptions));
        Some(id)
    }
}

impl Runs {
    fn usually(self, date: NaiveDate) -> bool {
        let is_weekend = date.weekday().number_from_monday() > 5;
        match self {
            Self::Daily => true,
            Self::Weekdays => !is_weekend,
            Self::Weekends => is_weekend,
        }
    }
}

impl Train {
    fn runs_on(&self, date: NaiveDate, nth: usize) -> bool {
        let is_exception = self.exception_every > 0
            && (date.num_days_from_ce() as usize + nth).is_multiple_of(self.exception_every);
        self.runs.usually(date) != is_exception
    }

    /// Its rows in stop_times.txt.
    fn stop_times(&self, id: &str) -> String {
        let mut rows = String::new();
        for (at, (station, arrival, departure)) in self.calls.iter().enumerate() {
            let [arrival, departure] = [arrival, departure].map(|it| (it / 60, it % 60));
            // Writing to a string cannot fail.
            let _ = writeln!(
                rows,
                "{id},{:02}:{:02}:00,{:02}:{:02}:00,S{station}P,{at}",
                arrival.0, arrival.1, departure.0, departure.1
            );
        }
        rows
    }
}

/// A name that can be told from the others.
fn name(station: usize) -> String {
    const FIRST: [&str; 10] = ["Al", "Be", "Ca", "Do", "Es", "Fu", "Gra", "Ho", "Li", "Mo"];
    const SECOND: [&str; 10] = ["ra", "ne", "ti", "lo", "mu", "da", "ve", "si", "co", "nu"];
    const THIRD: [&str; 10] =
        ["gon", "ria", "llar", "mar", "sa", "tera", "villa", "da", "nes", "ca"];
    let parts = [FIRST[station % 10], SECOND[station / 10 % 10], THIRD[station / 100 % 10]];
    match station / 1000 {
        0 => parts.concat(),
        more => format!("{} {more}", parts.concat()),
    }
}

/// A place, and the lines through all of them.
fn lines(stations: usize, random: &mut Random) -> (Vec<(f64, f64)>, Vec<Line>) {
    const NODES: usize = 30;
    let mut unit = |low: f64, high: f64| low + (high - low) * random.below(10_000) as f64 / 1e4;
    let mut places: Vec<(f64, f64)> =
        (0..NODES).map(|_| (unit(36.5, 43.5), unit(-9.0, 3.0))).collect();
    // A third of the other stations stands along main lines, the rest along branches.
    let along_main = (stations - NODES) / 3;
    let mains = mains(&places);
    let mut lines = Vec::new();
    for (nth, (from, to)) in mains.iter().enumerate() {
        let share = along_main * (nth + 1) / mains.len() - along_main * nth / mains.len();
        let mut line = vec![*from];
        line.extend(between(&mut places, *from, Some(*to), share, random));
        line.push(*to);
        lines.push(line);
    }
    let trunks = lines.clone();
    let mut branches = Vec::new();
    while places.len() < stations {
        let trunk = random.of_slice(&trunks).clone();
        let from = *random.of_slice(&trunk);
        let length = (8 + random.below(20)).min(stations - places.len());
        let mut line = vec![from];
        line.extend(between(&mut places, from, None, length, random));
        branches.push(line);
    }
    let mut all = Vec::new();
    for line in trunks.iter().chain(&branches) {
        all.push(of_stations(&places, Kind::Regional, line.clone()));
    }
    for chain in chains(&trunks, random) {
        let calls = long_distance_calls(&chain, random);
        all.push(of_stations(&places, Kind::Fast, chain.iter().step_by(2).copied().collect()));
        all.push(of_stations(&places, Kind::Long, calls.clone()));
        if random.once_in(3) {
            all.push(of_stations(&places, Kind::Night, calls));
        }
    }
    all.retain(|line| line.stations.len() > 1);
    (places, all)
}

/// Each node with the two nearest of those before it, so that all are joined.
fn mains(nodes: &[(f64, f64)]) -> Vec<(usize, usize)> {
    let mut mains = Vec::new();
    for at in 1..nodes.len() {
        let mut others: Vec<usize> = (0..at).collect();
        others.sort_by(|left, right| {
            distance(nodes[at], nodes[*left]).total_cmp(&distance(nodes[at], nodes[*right]))
        });
        mains.extend(others.into_iter().take(2).map(|other| (other, at)));
    }
    mains
}

fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    // A degree of longitude is three quarters of one of latitude here.
    (from.0 - to.0).hypot((from.1 - to.1) * 0.75) * 111.0
}

/// New stations from one to another, or off into the country.
fn between(
    places: &mut Vec<(f64, f64)>,
    from: usize,
    to: Option<usize>,
    count: usize,
    random: &mut Random,
) -> Vec<usize> {
    let start = places[from];
    let angle = random.below(628) as f64 / 100.0;
    let end = to.map_or_else(
        || {
            let degrees = 0.07 * count as f64;
            (start.0 + angle.sin() * degrees, start.1 + angle.cos() * degrees)
        },
        |to| places[to],
    );
    let first = places.len();
    for nth in 1..=count {
        let part = nth as f64 / (count + usize::from(to.is_some())) as f64;
        let place = (start.0 + (end.0 - start.0) * part, start.1 + (end.1 - start.1) * part);
        places.push(place);
    }
    (first..places.len()).collect()
}

/// Main lines joined end to end, three or four of them, as long-distance trains run.
fn chains(mains: &[Vec<usize>], random: &mut Random) -> Vec<Vec<usize>> {
    let mut chains = Vec::new();
    for start in mains {
        let mut chain = start.clone();
        for _ in 0..2 + random.below(2) {
            let end = chain[chain.len() - 1];
            let goes_on: Vec<Vec<usize>> = (mains.iter())
                .filter_map(|main| {
                    let reversed: Vec<usize> = main.iter().rev().copied().collect();
                    let main = if main[0] == end { main.clone() } else { reversed };
                    let is_new = main[1..].iter().all(|station| !chain.contains(station));
                    (main[0] == end && is_new).then_some(main)
                })
                .collect();
            if goes_on.is_empty() {
                break;
            }
            chain.extend(random.of_slice(&goes_on)[1..].iter().copied());
        }
        chains.push(chain);
    }
    chains
}

/// Both ends and 6 to 13 stations between them, evenly.
fn long_distance_calls(chain: &[usize], random: &mut Random) -> Vec<usize> {
    let calls = (8 + random.below(8)).min(chain.len());
    let at = |nth: usize| chain[nth * (chain.len() - 1) / (calls - 1).max(1)];
    (0..calls).map(at).collect()
}

fn of_stations(places: &[(f64, f64)], kind: Kind, stations: Vec<usize>) -> Line {
    let kilometres_an_hour = match kind {
        Kind::Long => 170.0,
        Kind::Fast => 110.0,
        Kind::Regional => 70.0,
        Kind::Night => 80.0,
    };
    let minutes = |two: &[usize]| {
        let hours = distance(places[two[0]], places[two[1]]) / kilometres_an_hour;
        (hours * 60.0).round() as u32 + 2
    };
    let minutes = stations.windows(2).map(minutes).collect();
    Line { kind, stations, minutes }
}

/// Trains of all lines in both directions, so many on a weekday.
fn trains(lines: &[Line], wanted: usize, random: &mut Random) -> Vec<Train> {
    let mut by_kind: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        by_kind.entry(line.kind.name_and_type().0).or_default().push(at);
    }
    let mut trains = Vec::new();
    // Of a hundred trains: so many of each kind.
    for (kind, share) in [("LD", 9), ("IR", 18), ("NT", 1), ("R", 72)] {
        let of_kind = by_kind.get(kind).map(Vec::as_slice).unwrap_or_default();
        let on_weekdays = wanted * share / 100;
        for (nth, line) in of_kind.iter().enumerate() {
            let share = |nth: usize| on_weekdays * nth / of_kind.len();
            of_line(*line, &lines[*line], share(nth + 1) - share(nth), &mut trains, random);
        }
    }
    trains
}

/// A line's trains, so many on a weekday, spread evenly over its hours.
fn of_line(
    route: usize,
    line: &Line,
    on_weekdays: usize,
    trains: &mut Vec<Train>,
    random: &mut Random,
) {
    let (first, last) = match line.kind {
        Kind::Long => (6 * 60, 20 * 60),
        Kind::Fast => (5 * 60 + 30, 21 * 60),
        Kind::Regional => (5 * 60, 23 * 60),
        Kind::Night => (20 * 60, 23 * 60),
    };
    let offset = random.below(30) as u32;
    let skipped = 2 + random.below(4);
    for nth in 0..on_weekdays {
        let forth = nth % 2 == 0;
        let round = |minute: u32| minute.div_ceil(5) * 5;
        let start = first + round((last - first) * nth as u32 / on_weekdays as u32) + offset;
        // Every third train passes some of the small stations.
        let skips = line.kind == Kind::Regional && nth % 3 == 2;
        let runs = if nth % 5 < 3 { Runs::Daily } else { Runs::Weekdays };
        let exception_every = if random.once_in(4) { 9 + random.below(40) } else { 0 };
        let calls = calls(line, forth, start, if skips { skipped } else { 0 });
        let number = trains.len();
        trains.push(Train { route, number, runs, exception_every, calls });
        if random.once_in(10) {
            // A weekend train in the place of the weekday ones, a quarter of an hour later.
            let calls = self::calls(line, forth, start + 15, 0);
            let runs = Runs::Weekends;
            trains.push(Train { route, number: number + 1, runs, exception_every: 0, calls });
        }
    }
}

fn calls(line: &Line, forth: bool, start: u32, skipped: usize) -> Vec<(usize, u32, u32)> {
    let count = line.stations.len();
    let at = |nth: usize| if forth { nth } else { count - 1 - nth };
    let dwell = match line.kind {
        Kind::Regional => 1,
        Kind::Fast => 2,
        Kind::Long => 3,
        Kind::Night => 10,
    };
    let (mut calls, mut clock) = (Vec::with_capacity(count), start);
    for nth in 0..count {
        if nth > 0 {
            clock += line.minutes[if forth { nth - 1 } else { count - 1 - nth }];
        }
        let is_end = nth == 0 || nth == count - 1;
        if !is_end && skipped > 0 && nth % skipped == 1 {
            continue;
        }
        let arrival = clock;
        if !is_end {
            clock += dwell;
        }
        calls.push((line.stations[at(nth)], arrival, clock));
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size { stations: 120, trains: 300, days: 9 };

    fn feed(size: Size) -> (Counts, Vec<(String, String)>) {
        let folder = tempfile::tempdir().expect("a folder");
        let counts = National::of(size).write(folder.path()).expect("a folder to write to");
        let mut files: Vec<(String, String)> = (folder.path().read_dir().expect("a folder"))
            .map(|entry| entry.expect("a file"))
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, std::fs::read_to_string(entry.path()).expect("a text"))
            })
            .collect();
        files.sort();
        (counts, files)
    }

    #[test]
    fn a_feed_is_the_same_each_time() {
        assert!(feed(SMALL) == feed(SMALL));
    }

    #[test]
    fn a_feed_has_what_was_asked_for() {
        let (counts, files) = feed(SMALL);
        let rows = |name: &str| {
            let (_, text) = files.iter().find(|(file, _)| file == name).expect("a file");
            text.lines().count() - 1
        };
        assert_eq!(rows("stops.txt"), 2 * 120);
        assert_eq!(rows("trips.txt"), counts.trips);
        assert_eq!(rows("stop_times.txt"), counts.stop_times);
        assert!(rows("calendar.txt") > 3 && rows("calendar_dates.txt") > 9);
        assert!(counts.trains_a_day.abs_diff(300) < 45, "{counts:?}");
    }

    #[test]
    fn every_station_is_served_and_every_train_moves_on() {
        let national = National::of(SMALL);
        let mut served = vec![false; 120];
        for train in &national.trains {
            assert!(train.calls.len() > 1);
            for (station, arrival, departure) in &train.calls {
                served[*station] = true;
                assert!(arrival <= departure);
            }
            let moves_on = |two: &[(usize, u32, u32)]| two[0].2 < two[1].1 && two[0].0 != two[1].0;
            assert!(train.calls.windows(2).all(moves_on), "{:?}", train.calls);
        }
        assert!(served.iter().all(|served| *served), "{served:?}");
        let names: std::collections::BTreeSet<String> = (0..2000).map(name).collect();
        assert_eq!(names.len(), 2000);
    }
}
