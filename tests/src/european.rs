//! Makes the bundled European timetable from its two hand-written sources.
//!
//! `data/european-lines.txt` describes train lines the way a printed timetable does: stops with
//! the running times between them, departures, days, and the pairs of cities that are sold.
//! `data/european-stations.csv` says where the cities are and in which zone. From both this module
//! writes the nine-column CSV that the timetable compiler reads, one row for every sold ride.
//!
//! # The lines file
//!
//! `#` begins a comment; blank lines and indentation mean nothing. The first word of a line says
//! what it is:
//!
//! ```text
//! zone Europe/London -1:00              # relative to Central European Time, all year
//! type IC | Intercity | 6.00 | 9.5 | 160   # code | name | base fare | cents per km | first in %
//! line IC 500                           # type and the number of the first train
//! route London > 2:10 > Leeds (5) > 0:25 > York   # running times; (5) is a stop of 5 minutes
//! sold all but Leeds > York             # or `all`, or a list; `*` stands for every stop
//! out 07:00, 09:00 every 2:00 until 17:00 | Mon-Fri | 90%   # from the first stop; fare in %
//! back 08:10 | Daily                    # from the last stop to the first
//! ```
//!
//! Trains out are numbered 500, 502, 504, trains back 501, 503, in the order they are written; a
//! route id is type, train number and section: `IC-504-2`. A stop lasts three minutes unless it
//! says otherwise. Departures are local to the stop they leave from, as are all times of the rows.
//!
//! # Limits
//!
//! Zones keep a fixed distance from each other, which holds where clocks change at the same
//! instant. A ride ends at the latest on the day after it began. Fares follow the great-circle
//! distance times 1.2 and are invented.

use std::collections::{BTreeMap, BTreeSet};

const HEADER: &str = "Route ID,Departure City,Arrival City,Departure Time,Arrival Time,Train Type,\
                      Days of Operation,First Class ticket rate (in euro),\
                      Second Class ticket rate (in euro)\n";
const STATIONS_HEADER: &str = "name,country,time_zone,latitude,longitude,aliases";
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_PER_DAY: i64 = 24 * 60;
const STOP_MINUTES: i64 = 3;
const ROUTE_ID_LENGTH_MAX: usize = 16;
const EARTH_RADIUS_KM: f64 = 6371.0;
const DETOUR_FACTOR: f64 = 1.2;

/// Writes the nine-column timetable for the given stations and lines.
///
/// Both arguments are the contents of the files, not their paths. The same contents give the same
/// text, with rows in the order of the lines file. An error names the file and the line in it.
pub fn timetable(stations: &str, lines: &str) -> Result<String, String> {
    let source = Source::parse(parse_stations(stations)?, lines)?;
    let mut route_ids = BTreeSet::new();
    let mut csv = HEADER.to_owned();
    for line in &source.lines {
        for train in &line.trains {
            for row in line.rows(train).map_err(|reason| at_line(train.source_line, &reason))? {
                if !route_ids.insert(row.route_id.clone()) {
                    let reason = format!("route id {} is taken already", row.route_id);
                    return Err(at_line(train.source_line, &reason));
                }
                csv.push_str(&row.to_csv());
            }
        }
    }
    Ok(csv)
}

fn at_line(number: usize, reason: &str) -> String {
    format!("lines file, line {number}: {reason}")
}

struct Station {
    time_zone: String,
    latitude: f64,
    longitude: f64,
}

fn parse_stations(text: &str) -> Result<BTreeMap<String, Station>, String> {
    let mut rows = text.lines().enumerate();
    if rows.next().is_none_or(|(_, header)| header != STATIONS_HEADER) {
        return Err(format!("stations file, line 1: expected the header {STATIONS_HEADER}"));
    }
    let mut stations = BTreeMap::new();
    for (index, row) in rows {
        let refuse = |reason: &str| format!("stations file, line {}: {reason}", index + 1);
        let fields: Vec<&str> = row.split(',').collect();
        let [name, _, time_zone, latitude, longitude, _] = fields[..] else {
            return Err(refuse("expected six fields without quotes"));
        };
        let station = Station {
            time_zone: time_zone.to_owned(),
            latitude: latitude.parse().map_err(|_| refuse("the latitude is not a number"))?,
            longitude: longitude.parse().map_err(|_| refuse("the longitude is not a number"))?,
        };
        if stations.insert(name.to_owned(), station).is_some() {
            return Err(refuse(&format!("{name} is listed twice")));
        }
    }
    Ok(stations)
}

#[derive(Clone)]
struct TrainType {
    name: String,
    base_cents: i64,
    /// Tenths of a cent, so that 9.5 cents stay exact.
    millis_per_km: i64,
    /// The first-class fare as a share of the second-class one.
    first_percent: i64,
}

impl TrainType {
    /// Reads what follows the code: `Intercity | 6.00 | 9.5 | 160`.
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split('|').map(str::trim).collect();
        let [name, base, per_km, first] = fields[..] else {
            return Err("expected type CODE | NAME | BASE | CENTS PER KM | FIRST IN %".into());
        };
        let first_percent = whole(first)?;
        if first_percent <= 100 {
            return Err("first class must cost more than second".into());
        }
        Ok(Self {
            name: name.to_owned(),
            base_cents: decimal(base, 2)?,
            millis_per_km: decimal(per_km, 1)?,
            first_percent,
        })
    }

    /// The fares in first and second class, in cents and rounded to ten of them.
    fn fares_cents(&self, km: i64, percent: i64) -> (i64, i64) {
        let full_cents = self.base_cents + self.millis_per_km * km / 10;
        let second = round_to_ten(full_cents * percent / 100);
        (round_to_ten(second * self.first_percent / 100), second)
    }
}

fn round_to_ten(cents: i64) -> i64 {
    (cents + 5) / 10 * 10
}

#[derive(Clone)]
struct Stop {
    city: String,
    /// Local time minus Central European Time.
    zone_minutes: i64,
    /// Minutes since the train left its first stop, as are those of the departure.
    arrival: i64,
    departure: i64,
    /// Kilometres since the first stop.
    km: i64,
}

struct Train {
    number: u32,
    is_back: bool,
    /// Minutes after midnight, local to the stop it leaves from.
    leaves: i64,
    days: String,
    fare_percent: i64,
    source_line: usize,
}

struct Line {
    code: String,
    first_number: u32,
    train_type: TrainType,
    stops: Vec<Stop>,
    /// Positions in `stops`, the earlier stop first.
    sold: Vec<(usize, usize)>,
    trains: Vec<Train>,
}

impl Line {
    /// The rows of one train, a sold pair each.
    fn rows(&self, train: &Train) -> Result<Vec<Row>, String> {
        let stops = if train.is_back { mirrored(&self.stops) } else { self.stops.clone() };
        let mut rows = Vec::new();
        for (index, &(from, to)) in self.sold.iter().enumerate() {
            let last = stops.len() - 1;
            let (from, to) = if train.is_back { (last - to, last - from) } else { (from, to) };
            let route_id = format!("{}-{}-{}", self.code, train.number, index + 1);
            if route_id.len() > ROUTE_ID_LENGTH_MAX || !route_id.is_ascii() {
                return Err(format!("route id {route_id} is not short ASCII"));
            }
            rows.push(self.row(train, route_id, &stops[0], &stops[from], &stops[to])?);
        }
        Ok(rows)
    }

    fn row(
        &self,
        train: &Train,
        route_id: String,
        first: &Stop,
        from: &Stop,
        to: &Stop,
    ) -> Result<Row, String> {
        let start = train.leaves - first.zone_minutes;
        let departure = start + from.departure + from.zone_minutes;
        let arrival = start + to.arrival + to.zone_minutes;
        let departure_day = departure.div_euclid(MINUTES_PER_DAY);
        let nights = arrival.div_euclid(MINUTES_PER_DAY) - departure_day;
        if arrival <= departure || nights > 1 {
            let (from, to) = (&from.city, &to.city);
            return Err(format!("{from} to {to} does not arrive on the same or the next day"));
        }
        let (first_cents, second_cents) =
            self.train_type.fares_cents(to.km - from.km, train.fare_percent);
        Ok(Row {
            route_id,
            from: from.city.clone(),
            to: to.city.clone(),
            departure: clock(departure),
            arrival: clock(arrival) + if nights == 1 { " (+1d)" } else { "" },
            train_type: self.train_type.name.clone(),
            days: days_later(&train.days, departure_day)?,
            first_cents,
            second_cents,
        })
    }
}

/// The same stops as the train back meets them.
fn mirrored(stops: &[Stop]) -> Vec<Stop> {
    let (minutes, km) = stops.last().map_or((0, 0), |last| (last.arrival, last.km));
    let mirror = |stop: &Stop| Stop {
        arrival: minutes - stop.departure,
        departure: minutes - stop.arrival,
        km: km - stop.km,
        ..stop.clone()
    };
    stops.iter().rev().map(mirror).collect()
}

fn clock(minutes: i64) -> String {
    let minutes = minutes.rem_euclid(MINUTES_PER_DAY);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The days on which a train passes a stop that it reaches `later` days after it set out.
fn days_later(days: &str, later: i64) -> Result<String, String> {
    let moved = |day: &str| {
        let position = WEEKDAYS.iter().position(|name| *name == day.trim());
        let position = position.ok_or_else(|| format!("{day} is not a day of the week"))?;
        Ok::<_, String>((position as i64 + later).rem_euclid(7) as usize)
    };
    if days == "Daily" {
        return Ok(days.to_owned());
    }
    if let Some((from, until)) = days.split_once('-') {
        return Ok(format!("{}-{}", WEEKDAYS[moved(from)?], WEEKDAYS[moved(until)?]));
    }
    let positions = days.split(',').map(moved).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(positions.into_iter().map(|position| WEEKDAYS[position]).collect::<Vec<_>>().join(","))
}

struct Row {
    route_id: String,
    from: String,
    to: String,
    departure: String,
    arrival: String,
    train_type: String,
    days: String,
    first_cents: i64,
    second_cents: i64,
}

impl Row {
    fn to_csv(&self) -> String {
        let cells = [
            &self.route_id,
            &self.from,
            &self.to,
            &self.departure,
            &self.arrival,
            &self.train_type,
            &self.days,
            &euros(self.first_cents),
            &euros(self.second_cents),
        ];
        cells.map(|cell| quoted(cell)).join(",") + "\n"
    }
}

fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// What has been read of the lines file.
struct Source {
    stations: BTreeMap<String, Station>,
    zones: BTreeMap<String, i64>,
    train_types: BTreeMap<String, TrainType>,
    lines: Vec<Line>,
}

impl Source {
    fn parse(stations: BTreeMap<String, Station>, text: &str) -> Result<Self, String> {
        let (zones, train_types, lines) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut source = Self { stations, zones, train_types, lines };
        for (index, row) in text.lines().enumerate() {
            let content = row.split('#').next().unwrap_or_default().trim();
            if !content.is_empty() {
                let number = index + 1;
                source.read(number, content).map_err(|reason| at_line(number, &reason))?;
            }
        }
        Ok(source)
    }

    fn read(&mut self, source_line: usize, content: &str) -> Result<(), String> {
        let (keyword, rest) = content.split_once(' ').unwrap_or((content, ""));
        let rest = rest.trim();
        match keyword {
            "zone" => {
                let (zone, offset) = pair(rest, ' ', "zone NAME OFFSET")?;
                self.zones.insert(zone.to_owned(), minutes(offset)?);
            }
            "type" => {
                let (code, fields) = pair(rest, '|', "type CODE | NAME | …")?;
                self.train_types.insert(code.to_owned(), TrainType::parse(fields)?);
            }
            "line" => {
                let line = self.new_line(rest)?;
                self.lines.push(line);
            }
            "route" => {
                let stops = self.parse_route(rest)?;
                self.current()?.stops = stops;
            }
            "sold" => {
                let line = self.current()?;
                line.sold = parse_sold(rest, &line.stops)?;
            }
            "out" | "back" => self.current()?.add_trains(rest, keyword == "back", source_line)?,
            _ => {
                return Err(format!("{keyword} is not zone, type, line, route, sold, out, back"));
            }
        }
        Ok(())
    }

    fn current(&mut self) -> Result<&mut Line, String> {
        self.lines.last_mut().ok_or_else(|| "this belongs to a line, and none has begun".into())
    }

    fn new_line(&self, text: &str) -> Result<Line, String> {
        let (code, number) = pair(text, ' ', "line TYPE FIRST-NUMBER")?;
        let train_type = self.train_types.get(code);
        Ok(Line {
            code: code.to_owned(),
            first_number: number.parse().map_err(|_| format!("{number} is not a train number"))?,
            train_type: train_type.ok_or_else(|| format!("no type {code} so far"))?.clone(),
            stops: Vec::new(),
            sold: Vec::new(),
            trains: Vec::new(),
        })
    }

    /// Reads `London > 2:10 > Leeds (5) > 0:25 > York`.
    fn parse_route(&self, text: &str) -> Result<Vec<Stop>, String> {
        let parts: Vec<&str> = text.split('>').map(str::trim).collect();
        if parts.len() < 3 || parts.len().is_multiple_of(2) {
            return Err("expected CITY > RUNNING TIME > CITY and so on".into());
        }
        let mut stops: Vec<Stop> = Vec::new();
        for (index, part) in parts.iter().enumerate().step_by(2) {
            let (city, stop_minutes) = match part.strip_suffix(')').and_then(|p| p.split_once('('))
            {
                Some((city, stay)) => (city.trim(), whole(stay)?),
                None => (*part, STOP_MINUTES),
            };
            let zone_minutes = self.zone_minutes(city)?;
            let (mut arrival, mut km) = (0, 0);
            if let Some(previous) = stops.last() {
                let running = minutes(parts[index - 1])?;
                arrival = previous.departure + running;
                km = previous.km + self.km(&previous.city, city)?;
                if running <= 0 || stops.iter().any(|stop| stop.city == city) {
                    return Err(format!("{city} must come later and only once"));
                }
            }
            let is_end = index == 0 || index + 1 == parts.len();
            let departure = if is_end { arrival } else { arrival + stop_minutes };
            stops.push(Stop { city: city.to_owned(), zone_minutes, arrival, departure, km });
        }
        Ok(stops)
    }

    fn station(&self, city: &str) -> Result<&Station, String> {
        self.stations.get(city).ok_or_else(|| format!("{city} is not in the stations file"))
    }

    fn zone_minutes(&self, city: &str) -> Result<i64, String> {
        let zone = &self.station(city)?.time_zone;
        self.zones.get(zone).copied().ok_or_else(|| format!("{city} is in {zone}: no such zone"))
    }

    fn km(&self, from: &str, to: &str) -> Result<i64, String> {
        let (from, to) = (self.station(from)?, self.station(to)?);
        let half_latitude = (to.latitude - from.latitude).to_radians() / 2.0;
        let half_longitude = (to.longitude - from.longitude).to_radians() / 2.0;
        let cosines = from.latitude.to_radians().cos() * to.latitude.to_radians().cos();
        let haversine = half_latitude.sin().powi(2) + cosines * half_longitude.sin().powi(2);
        let great_circle_km = 2.0 * EARTH_RADIUS_KM * haversine.sqrt().asin();
        Ok((great_circle_km * DETOUR_FACTOR).round() as i64)
    }
}

impl Line {
    /// Reads `07:00, 09:00 every 2:00 until 17:00 | Mon-Fri | 90%`.
    fn add_trains(&mut self, text: &str, is_back: bool, source_line: usize) -> Result<(), String> {
        if self.sold.is_empty() {
            return Err("departures come after the route and what is sold".into());
        }
        let fields: Vec<&str> = text.split('|').map(str::trim).collect();
        let (times, days, percent) = match fields[..] {
            [times, days] => (times, days, "100%"),
            [times, days, percent] => (times, days, percent),
            _ => return Err("expected TIMES | DAYS, or TIMES | DAYS | FARE%".into()),
        };
        let fare_percent = whole(percent.strip_suffix('%').unwrap_or(percent))?;
        if fare_percent == 0 {
            return Err("a fare cannot be nothing".into());
        }
        for leaves in parse_departures(times)? {
            let earlier = self.trains.iter().filter(|train| train.is_back == is_back).count();
            let number = self.first_number + 2 * earlier as u32 + u32::from(is_back);
            let days = days_later(days, 0)?;
            self.trains.push(Train { number, is_back, leaves, days, fare_percent, source_line });
        }
        Ok(())
    }
}

/// Reads `07:00, 09:00 every 2:00 until 17:00` as minutes after midnight.
fn parse_departures(text: &str) -> Result<Vec<i64>, String> {
    let mut departures = Vec::new();
    for part in text.split(',') {
        let Some((first, repeat)) = part.split_once(" every ") else {
            departures.push(time_of_day(part)?);
            continue;
        };
        let (every, until) = repeat.split_once(" until ").ok_or("every … needs until …")?;
        let (mut next, every, until) = (time_of_day(first)?, minutes(every)?, time_of_day(until)?);
        if every <= 0 {
            return Err("trains must leave some time apart".into());
        }
        while next <= until {
            departures.push(next);
            next += every;
        }
    }
    Ok(departures)
}

/// Reads `all`, `all but LIST` or a list such as `London > *, Leeds > York`.
fn parse_sold(text: &str, stops: &[Stop]) -> Result<Vec<(usize, usize)>, String> {
    if text == "all" {
        return sold_pairs("* > *", stops);
    }
    let Some(left_out) = text.strip_prefix("all but ") else {
        return sold_pairs(text, stops);
    };
    let left_out = sold_pairs(left_out, stops)?;
    let mut sold = sold_pairs("* > *", stops)?;
    sold.retain(|pair| !left_out.contains(pair));
    Ok(sold)
}

fn sold_pairs(list: &str, stops: &[Stop]) -> Result<Vec<(usize, usize)>, String> {
    let mut sold = Vec::new();
    for item in list.split(',') {
        let (from, to) = pair(item, '>', "FROM > TO")?;
        let is = |wanted: &str, stop: &Stop| wanted == "*" || wanted == stop.city;
        let before = sold.len();
        for (start, origin) in stops.iter().enumerate().filter(|(_, stop)| is(from, stop)) {
            let later = stops.iter().enumerate().skip(start + 1);
            for (end, _) in later.filter(|(_, stop)| is(to, stop)) {
                if !sold.contains(&(start, end)) && origin.city != to {
                    sold.push((start, end));
                }
            }
        }
        if sold.len() == before {
            return Err(format!("{} adds no pair of stops in this order", item.trim()));
        }
    }
    Ok(sold)
}

fn pair<'a>(text: &'a str, separator: char, expected: &str) -> Result<(&'a str, &'a str), String> {
    let (left, right) = text.split_once(separator).ok_or_else(|| format!("expected {expected}"))?;
    Ok((left.trim(), right.trim()))
}

fn whole(text: &str) -> Result<i64, String> {
    decimal(text, 0)
}

/// A number that is not negative, in units of its last allowed decimal: `9.5` with one is 95.
fn decimal(text: &str, decimals: usize) -> Result<i64, String> {
    let refuse = || format!("{text} is not a number with at most {decimals} decimals");
    let (units, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > decimals {
        return Err(refuse());
    }
    let digits = format!("{units}{fraction:0<decimals$}");
    let number: u32 = digits.parse().map_err(|_| refuse())?;
    Ok(i64::from(number))
}

/// Reads a duration or an offset such as `2:10` or `-1:00`.
fn minutes(text: &str) -> Result<i64, String> {
    let (text, sign) = text.trim().strip_prefix('-').map_or((text.trim(), 1), |rest| (rest, -1));
    let (hours, minutes) = pair(text, ':', "HOURS:MINUTES")?;
    let (hours, minutes) = (whole(hours)?, whole(minutes)?);
    if minutes >= 60 {
        return Err(format!("{text} has more than 59 minutes"));
    }
    Ok(sign * (hours * 60 + minutes))
}

fn time_of_day(text: &str) -> Result<i64, String> {
    let time = minutes(text)?;
    if !(0..MINUTES_PER_DAY).contains(&time) {
        return Err(format!("{} is not a time of day", text.trim()));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATIONS: &str = "name,country,time_zone,latitude,longitude,aliases\n\
        London,GB,Europe/London,51.5308,-0.1260,\n\
        Paris,FR,Europe/Paris,48.8760,2.3570,\n\
        Lyon,FR,Europe/Paris,45.7605,4.8590,\n";
    const HEAD: &str = "zone Europe/London -1:00\nzone Europe/Paris 0:00\n\
        type IC | Intercity | 5.00 | 10 | 150\nline IC 20\n";

    /// The rows that a line gives after the head above, without the header and the line ends.
    fn rows(line: &str) -> Result<Vec<String>, String> {
        let csv = timetable(STATIONS, &format!("{HEAD}{line}"))?;
        Ok(csv.lines().skip(1).map(str::to_owned).collect())
    }

    fn check(line: &str, expected: &[&str]) {
        assert_eq!(rows(line).expect("the line is valid"), expected);
    }

    fn check_error(line: &str, expected: &str) {
        assert_eq!(rows(line).expect_err("the line is not valid"), expected);
    }

    #[test]
    fn every_sold_pair_is_a_row_in_local_times() {
        check(
            "route London > 2:20 > Paris (10) > 2:00 > Lyon\nsold all\nout 07:00 | Daily",
            &[
                "IC-20-1,London,Paris,07:00,10:20,Intercity,Daily,69.50,46.30",
                "IC-20-2,London,Lyon,07:00,12:30,Intercity,Daily,140.40,93.60",
                "IC-20-3,Paris,Lyon,10:30,12:30,Intercity,Daily,78.50,52.30",
            ],
        );
    }

    #[test]
    fn the_train_back_mirrors_the_train_out() {
        check(
            "route London > 2:20 > Paris (10) > 2:00 > Lyon\nsold all but London > Lyon\n\
             back 07:00 | Mon-Fri | 50%",
            &[
                "IC-21-1,Paris,London,09:10,10:30,Intercity,Mon-Fri,34.80,23.20",
                "IC-21-2,Lyon,Paris,07:00,09:00,Intercity,Mon-Fri,39.30,26.20",
            ],
        );
    }

    #[test]
    fn a_section_that_leaves_after_midnight_runs_on_the_next_day() {
        check(
            "route London > 2:20 > Paris > 2:00 > Lyon\nsold Paris > *, London > Lyon\n\
             out 21:50 | Sun,Wed",
            &[
                "IC-20-1,Paris,Lyon,01:13,03:13,Intercity,\"Mon,Thu\",78.50,52.30",
                "IC-20-2,London,Lyon,21:50,03:13 (+1d),Intercity,\"Wed,Sun\",140.40,93.60",
            ],
        );
        assert_eq!(days_later("Fri-Mon", 1), Ok("Sat-Tue".into()));
    }

    #[test]
    fn departures_repeat_and_are_numbered_by_direction() {
        let line = "route Paris > 2:00 > Lyon\nsold all\n\
                    out 06:10, 08:00 every 4:00 until 16:00 | Daily\nback 09:00 | Sun";
        let rows = rows(line).expect("the line is valid");
        let ids: Vec<&str> = rows.iter().filter_map(|row| row.split(',').next()).collect();
        assert_eq!(ids, ["IC-20-1", "IC-22-1", "IC-24-1", "IC-26-1", "IC-21-1"]);
        assert!(rows[3].contains(",16:00,18:00,"));
    }

    #[test]
    fn errors_name_the_line_and_the_reason() {
        check_error(
            "route Paris > 2:00 > Rome",
            "lines file, line 5: Rome is not in the stations file",
        );
        check_error(
            "route Paris > 2:00",
            "lines file, line 5: expected CITY > RUNNING TIME > CITY and so on",
        );
        check_error(
            "out 07:00 | Daily",
            "lines file, line 5: departures come after the route and what is sold",
        );
        let line = "route Paris > 2:00 > Lyon\nsold all\n";
        check_error(
            &format!("{line}out 24:00 | Daily"),
            "lines file, line 7: 24:00 is not a time of day",
        );
        check_error(
            &format!("{line}out 07:00 | Weekly"),
            "lines file, line 7: Weekly is not a day of the week",
        );
        check_error(
            &format!("{line}out 07:00 | Sun\nline IC 18\n{line}out 06:00, 07:00 | Sat"),
            "lines file, line 11: route id IC-20-1 is taken already",
        );
        check_error(
            "route Paris > 30:00 > Lyon\nsold Lyon > Paris",
            "lines file, line 6: Lyon > Paris adds no pair of stops in this order",
        );
        check_error(
            "route Paris > 47:00 > Lyon\nsold all\nout 07:00 | Daily",
            "lines file, line 7: Paris to Lyon does not arrive on the same or the next day",
        );
    }

    #[test]
    fn a_broken_stations_file_is_refused() {
        let refused = timetable("name,country\n", "").expect_err("the header is not the right one");
        assert!(refused.starts_with("stations file, line 1: "));
        let twice = format!("{STATIONS}Lyon,FR,Europe/Paris,45.7,4.8,\n");
        assert_eq!(
            timetable(&twice, ""),
            Err("stations file, line 5: Lyon is listed twice".into())
        );
    }

    #[test]
    fn the_bundled_timetable_is_what_its_sources_give() {
        let csv = timetable(
            include_str!("../../data/european-stations.csv"),
            include_str!("../../data/european-lines.txt"),
        );
        assert!(
            csv.as_deref() == Ok(include_str!("../../data/european-timetable.csv")),
            "data/european-timetable.csv differs from its sources; write it again with \
             `cargo run --release -p tests --bin regenerate` ({:?})",
            csv.err()
        );
    }
}
