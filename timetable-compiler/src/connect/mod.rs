//! The connection tables: for every pair of stations, the connections that are best on some day.
//!
//! Days that neither trains nor clocks tell apart are one atom (`calendar`, `set`), and one search
//! per origin serves all days at once with labels that carry sets of atoms: `plain`, which rides
//! trains, where earlier is all that counts, else `priced`, which compares prices too. It finds the
//! criteria of the best itineraries; what arrives after the departure day has ended is then held
//! against the departures of the following days (`origin`), and `canonical` chooses the itinerary
//! that stands for each.
//!
//! Origins are worked on in parallel, a few at a time. All that is kept of one are its rows, as
//! they are written.

mod best;
mod calendar;
mod canonical;
mod days;
mod earlier;
mod origin;
mod plain;
mod priced;
mod rides;
mod runs;
mod set;
mod tables;
mod transfers;

use rayon::prelude::*;
use schema::{Network, PackedLeg, StationIdx};

use calendar::Calendar;
use origin::{Origins, Searches};
use runs::Shared;
use set::Atoms;
use tables::Tables;

/// Origins that are worked on before their rows are put in order.
const ORIGINS_AT_ONCE: usize = 64;

/// Fills the connection tables of a network. `progress` is told, from any thread, each time the
/// connections from one more station are known.
///
/// # Errors
///
/// The station whose connections do not fit the file's format, which is a timetable with times
/// further than [`PackedLeg::SHIFT_MAX`] days from their service date.
pub fn connect(network: &mut Network, progress: &(dyn Fn() + Sync)) -> Result<(), ShiftTooFar> {
    let stations: Vec<StationIdx> = (0..network.stations.len()).map(StationIdx::of).collect();
    tables(network, &stations, progress)?.write_into(network);
    Ok(())
}

/// A service date that lies too far from the departure day for a row of the tables.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection from {0:?} rides a train whose service date is more than {days} days away",
    days = PackedLeg::SHIFT_MAX
)]
pub struct ShiftTooFar(String);

/// The tables of all pairs that begin at these stations.
fn tables(
    network: &Network,
    origins: &[StationIdx],
    progress: &(dyn Fn() + Sync),
) -> Result<Tables, ShiftTooFar> {
    let shared = Shared::of(network);
    let searches = searches(&shared);
    let mut tables = Tables::of(network);
    for origins in origins.chunks(ORIGINS_AT_ONCE) {
        let rows: Vec<_> = (origins.par_iter())
            .map(|origin| {
                let rows = searches.rows_from(*origin);
                progress();
                rows
            })
            .collect();
        for rows in rows {
            tables.add(rows?);
        }
    }
    Ok(tables)
}

/// The searches of a network, their sets as wide as its days need.
fn searches<'s>(shared: &'s Shared<'s>) -> Box<dyn Origins + 's> {
    let calendar = Calendar::of(shared.network, &shared.zones);
    let atoms = Atoms::of(shared.network, &calendar);
    match atoms.len().div_ceil(64) {
        0 | 1 => Box::new(Searches::<1>::of(shared, &calendar, atoms)),
        2 => Box::new(Searches::<2>::of(shared, &calendar, atoms)),
        3 | 4 => Box::new(Searches::<4>::of(shared, &calendar, atoms)),
        5..=8 => Box::new(Searches::<8>::of(shared, &calendar, atoms)),
        9..=16 => Box::new(Searches::<16>::of(shared, &calendar, atoms)),
        // A network file holds at most 3,900 dates.
        _ => Box::new(Searches::<64>::of(shared, &calendar, atoms)),
    }
}

/// Hands the search from one station, which says how many rows it finds, to someone who measures
/// it. All that the searches from several stations share is done before.
pub fn measure<R>(network: &Network, with: impl FnOnce(&dyn Fn(StationIdx) -> usize) -> R) -> R {
    let shared = Shared::of(network);
    let searches = searches(&shared);
    with(&|station| searches.rows_from(station).map_or(0, |rows| rows.len()))
}
