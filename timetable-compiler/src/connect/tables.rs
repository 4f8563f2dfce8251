//! The tables as they grow, origin by origin.

use schema::{DaySetIdx, DirectRow, Network, OneStopRow, PackedLeg, Pair, StationIdx, TwoStopRow};

use super::origin::Row;
use crate::assemble::DaySets;

/// The rows from one origin, packed, their days by their place in `day_sets`.
#[derive(Default)]
pub struct OriginRows {
    /// The sets of days that the rows refer to.
    pub day_sets: Vec<Vec<u64>>,
    /// Destinations, each with the number of its direct, one-stop and two-stop rows.
    pairs: Vec<(StationIdx, [u32; 3])>,
    direct: Vec<DirectRow>,
    one_stop: Vec<OneStopRow>,
    two_stop: Vec<TwoStopRow>,
    minutes_max: u32,
}

impl OriginRows {
    /// Rows in all three tables.
    pub const fn len(&self) -> usize {
        self.direct.len() + self.one_stop.len() + self.two_stop.len()
    }

    /// Adds the rows to a destination. None where a leg does not fit the format.
    pub fn add(&mut self, destination: StationIdx, rows: &[Row]) -> Option<()> {
        let mut counts = [0; 3];
        for row in rows {
            let days = DaySetIdx::of(row.days.at());
            let pack = |at: usize| PackedLeg::pack(row.legs[at]);
            counts[row.legs_len - 1] += 1;
            match row.legs_len {
                1 => self.direct.push(DirectRow { days, legs: [pack(0)?] }),
                2 => self.one_stop.push(OneStopRow { days, legs: [pack(0)?, pack(1)?] }),
                _ => self.two_stop.push(TwoStopRow { days, legs: [pack(0)?, pack(1)?, pack(2)?] }),
            }
            self.minutes_max = self.minutes_max.max(row.minutes as u32);
        }
        if !rows.is_empty() {
            self.pairs.push((destination, counts));
        }
        Some(())
    }
}

/// The tables of all origins so far.
pub struct Tables {
    day_sets: DaySets,
    pair_starts: Vec<u32>,
    pairs: Vec<Pair>,
    direct: Vec<DirectRow>,
    one_stop: Vec<OneStopRow>,
    two_stop: Vec<TwoStopRow>,
    minutes_max: u32,
}

impl Tables {
    /// Empty ones for a network.
    pub fn of(network: &Network) -> Self {
        Self {
            day_sets: DaySets::of(network),
            pair_starts: vec![0],
            pairs: Vec::new(),
            direct: Vec::new(),
            one_stop: Vec::new(),
            two_stop: Vec::new(),
            minutes_max: 0,
        }
    }

    /// Adds the rows of the next origin.
    pub fn add(&mut self, rows: OriginRows) {
        let mut next = Pair {
            destination: StationIdx(0),
            direct: self.direct.len() as u32,
            one_stop: self.one_stop.len() as u32,
            two_stop: self.two_stop.len() as u32,
        };
        for (destination, [direct, one_stop, two_stop]) in rows.pairs {
            self.pairs.push(Pair { destination, ..next });
            next.direct += direct;
            next.one_stop += one_stop;
            next.two_stop += two_stop;
        }
        self.pair_starts.push(self.pairs.len() as u32);
        // Only the sets that rows use are kept, in the order of their first use.
        let mut known: Vec<Option<DaySetIdx>> = vec![None; rows.day_sets.len()];
        let mut days = |days: DaySetIdx| {
            *known[days.at()].get_or_insert_with(|| self.day_sets.intern(&rows.day_sets[days.at()]))
        };
        let direct = rows.direct.into_iter();
        self.direct.extend(direct.map(|row| DirectRow { days: days(row.days), ..row }));
        let one_stop = rows.one_stop.into_iter();
        self.one_stop.extend(one_stop.map(|row| OneStopRow { days: days(row.days), ..row }));
        let two_stop = rows.two_stop.into_iter();
        self.two_stop.extend(two_stop.map(|row| TwoStopRow { days: days(row.days), ..row }));
        self.minutes_max = self.minutes_max.max(rows.minutes_max);
    }

    /// Puts them into the network.
    pub fn write_into(mut self, network: &mut Network) {
        self.pairs.push(Pair {
            destination: StationIdx(0),
            direct: self.direct.len() as u32,
            one_stop: self.one_stop.len() as u32,
            two_stop: self.two_stop.len() as u32,
        });
        network.day_sets = self.day_sets.into_table();
        network.pair_starts = self.pair_starts;
        network.pairs = self.pairs;
        network.direct = self.direct;
        network.one_stop = self.one_stop;
        network.two_stop = self.two_stop;
        network.period.row_minutes_max = self.minutes_max;
    }
}
