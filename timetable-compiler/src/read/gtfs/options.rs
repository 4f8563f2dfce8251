//! What a caller may choose of feeds.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// How feeds are read.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedOptions {
    /// The routes whose trains are wanted.
    pub route_types: RouteTypes,
    /// How many trips in a hundred may be left out for their defects.
    pub dropped_percent_max: f64,
    /// Which stations of several inputs are one.
    pub merge: MergeStations,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            route_types: RouteTypes::default(),
            dropped_percent_max: 1.0,
            merge: MergeStations::Never,
        }
    }
}

/// Which stations of several inputs are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeStations {
    /// None.
    #[default]
    Never,
    /// Those of the same name, case, accents and punctuation aside, that lie within a kilometre
    /// of each other where both have coordinates.
    Name,
    /// Those of the same id.
    Id,
}

/// Types of GTFS routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTypes(Vec<RangeInclusive<u32>>);

impl RouteTypes {
    /// Whether a type is among them.
    pub fn contains(&self, kind: u32) -> bool {
        self.0.iter().any(|range| range.contains(&kind))
    }
}

impl Default for RouteTypes {
    /// Railways: 2, and 100 to 117 of the extended types.
    fn default() -> Self {
        Self(vec![2..=2, 100..=117])
    }
}

impl FromStr for RouteTypes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write route types such as `2,100-117,109`".to_owned();
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first <= last { Ok(first..=last) } else { Err(wrong()) }
        };
        Ok(Self(text.split(',').map(range).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for RouteTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |range: &RangeInclusive<u32>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        f.write_str(&self.0.iter().map(range).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::RouteTypes;

    #[test]
    fn route_types_are_numbers_and_ranges() {
        let types: RouteTypes = "2, 100-117".parse().expect("types");
        assert!(types.contains(2) && types.contains(109) && !types.contains(3));
        assert_eq!(types.to_string(), "2,100-117");
        assert_eq!(types, RouteTypes::default());
        for text in ["", "rail", "5-2", "2,,3", "-1"] {
            assert!(text.parse::<RouteTypes>().is_err(), "{text}");
        }
    }
}
