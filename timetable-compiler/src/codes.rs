//! The codes of findings, each with what `explain` says of it.

use std::fmt;

use crate::notice::Severity;

/// What `explain` says of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What was found.
    pub meaning: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

macro_rules! codes {
    ($($name:ident $text:literal $severity:ident
        $meaning:literal
        $why:literal
        $mend:literal
    )*) => {
        /// A kind of finding. Its name in reports is stable: publishers filter by it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// All codes, in the order in which a reader of a timetable meets them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as reports have it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The severity without a caller's policy.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// What it means, why it matters, how to mend it.
            pub const fn explanation(self) -> Explanation {
                match self {
                    $(Self::$name => Explanation { meaning: $meaning, why: $why, mend: $mend },)*
                }
            }
        }
    };
}

impl Code {
    /// The code with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

codes! {
    EmptyFile "empty-file" Error
        "The file has no bytes, or only blanks."
        "There is no timetable in it; an export or a copy was probably cut off."
        "Export the timetable again and look at the size of the file."

    UnsupportedInput "unsupported-input" Error
        "The input is a folder, a GTFS feed or a zip archive."
        "This version reads timetables as CSV only."
        "Convert the feed to the nine-column CSV or its ISO 8601 form, and name that file."

    NotUtf8 "not-utf8" Error
        "A value has bytes that are not UTF-8."
        "Names would be shown garbled and would not be found by search."
        "Save the file as UTF-8. Spreadsheets call it \"CSV UTF-8\"."

    ByteOrderMark "byte-order-mark" Info
        "The file begins with a byte order mark."
        "It is skipped; other programs may take it for part of the first column's name."
        "Nothing need be done. Save as UTF-8 without a BOM to be rid of it."

    MissingHeader "missing-header" Error
        "The first line names none of the columns."
        "Columns are found by name; without their names no value has a meaning."
        "Put the line with the columns' names first, parted by commas."

    MissingColumn "missing-column" Error
        "The header lacks a column that is required."
        "A train without it cannot be sold or cannot be found."
        "Add the column, or give it the name that is expected."

    DuplicateColumn "duplicate-column" Error
        "Two columns of the header have the same name."
        "It is not known which of the two values counts."
        "Remove or rename one of them."

    StrayPrefix "stray-prefix" Warning
        "A header cell has a prefix before the column's name, such as `model.Route ID`."
        "The column is used; the prefix is usually left behind by an export of a database and \
         may mean that others are missing."
        "Remove the prefix up to and with the last dot."

    ExtraColumn "extra-column" Info
        "The header has a column that is not used."
        "Its values are not in the network file."
        "Nothing need be done. If it was meant to be used, look at its spelling."

    NoRows "no-rows" Error
        "There is a header and nothing below it."
        "There is no train in it; an export was probably cut off."
        "Export the timetable again."

    BlankRow "blank-row" Warning
        "A row has only empty values."
        "It is left out; it may stand where a train should be."
        "Remove the row."

    TooFewColumns "too-few-columns" Error
        "A row has fewer values than the header has columns."
        "Values may stand under the wrong column, so none of them is used."
        "Add the values that are missing; an empty value still needs its comma."

    TooManyColumns "too-many-columns" Error
        "A row has more values than the header has columns."
        "Values may stand under the wrong column, so none of them is used."
        "Put values that hold a comma, such as `Mon,Wed,Fri`, in double quotes."

    UnclosedQuote "unclosed-quote" Error
        "A value begins with a double quote that is not closed on its line."
        "The rows that follow would be read as part of the value."
        "Close the quote, or remove it. A quote within a quoted value is written twice."

    EmptyValue "empty-value" Error
        "A value that is required is empty."
        "The train cannot be sold or found without it."
        "Fill in the value."

    ValueTooLong "value-too-long" Error
        "A value is longer than 200 characters."
        "No name is that long; a quote or a comma is probably missing."
        "Shorten it, or look for a missing comma."

    NameWithoutLetters "name-without-letters" Error
        "A city or station has a name without letters and digits."
        "Such a name cannot be searched for."
        "Write the name of the city."

    DuplicateRouteId "duplicate-route-id" Error
        "Two rows have the same route id."
        "Bookings are kept by route id; two trains must not share one."
        "Give one of the trains another id, or remove the row that was entered twice."

    DuplicateRun "duplicate-run" Error
        "Two dated rows have the same route id and the same departure date."
        "Bookings are kept by route id and date; two trains must not share them."
        "Give one of the trains another id, or remove the row that was entered twice."

    RepeatedRow "repeated-row" Info
        "A row is the same as another but for its route id."
        "Both trains are used; of two equal ones search shows only one."
        "If it is one train, remove one of the rows."

    SameCities "same-cities" Error
        "A train arrives in the city it departs from."
        "Nobody can travel with it."
        "Correct one of the two cities."

    SpellingDiffers "spelling-differs" Warning
        "A city is spelled in several ways that differ only in case, accents or punctuation."
        "They are taken for one station, under the spelling that is used most."
        "Spell the city alike in all rows."

    TimeWithoutColon "time-without-colon" Error
        "A time has no colon between hours and minutes, such as `1250`."
        "It is not safe to guess: a spreadsheet may have turned it into a number and dropped \
         zeros."
        "Write `HH:MM`, such as `12:50`."

    TimeMalformed "time-malformed" Error
        "A time is not of the form `HH:MM`, or for arrivals `HH:MM (+1d)`."
        "The train's time is not known."
        "Write hours and minutes with two digits each, such as `07:05`; an arrival on a later \
         day as `07:05 (+1d)`."

    TimeOutOfRange "time-out-of-range" Error
        "A time has an hour past 23 or a minute past 59."
        "No clock shows it."
        "Write the time of the clock, and after an arrival past midnight `(+1d)`."

    DepartureDayOffset "departure-day-offset" Error
        "A departure has a day offset such as `(+1d)`."
        "Days of operation are those of the departure, so it is always on the day itself."
        "Remove the offset, and move the days of operation by as many days."

    ArrivalBeforeDeparture "arrival-before-departure" Error
        "A train arrives before it departs."
        "It is either a mistake or an arrival on the next day without `(+1d)`."
        "Add ` (+1d)` to the arrival if it is on the next day, else correct the times."

    ArrivalEqualsDeparture "arrival-equals-departure" Error
        "A train arrives at the moment it departs."
        "No train takes no time."
        "Correct one of the times, or add ` (+1d)` to the arrival if it takes a whole day."

    RideTooLong "ride-too-long" Error
        "A train takes more than ten days."
        "No train does; a date is probably wrong."
        "Correct the dates."

    DatetimeMalformed "datetime-malformed" Error
        "A date and time is not of the ISO 8601 form `2025-10-24T12:30:00Z`."
        "The train's time is not known."
        "Write date, `T`, time and `Z` or an offset such as `+02:00`."

    DatetimeWithoutZone "datetime-without-zone" Error
        "A date and time has neither `Z` nor an offset."
        "It could mean the time of any zone."
        "Append `Z` for UTC, or the offset, such as `+02:00`."

    DateOutOfRange "date-out-of-range" Error
        "A date lies before 1990 or after 2199."
        "No timetable does; the year is probably wrong."
        "Correct the date."

    SecondsRounded "seconds-rounded" Info
        "A time has seconds."
        "Times are kept in minutes: a departure is rounded down and an arrival up."
        "Nothing need be done."

    UnknownDays "unknown-days" Error
        "The days of operation are not understood."
        "It is not known when the train runs."
        "Write `Daily`, a day (`Mon`), a range (`Mon-Fri`, `Fri-Mon`) or a list of them \
         (`Mon-Wed,Sat`)."

    NeverRuns "never-runs" Warning
        "A train runs on no date of the period."
        "It is left out."
        "Correct its days of operation or the period, or remove the row."

    RunOutsidePeriod "run-outside-period" Info
        "A dated run lies outside the period that was asked for."
        "It is left out."
        "Nothing need be done. Widen the period to have it."

    PriceMalformed "price-malformed" Error
        "A price is not a number."
        "The train could not be sold."
        "Write euros and cents with a point and without a sign, such as `12.50`; leave it empty \
         where there is no price."

    NegativePrice "negative-price" Error
        "A price is below zero."
        "Nobody is paid to travel."
        "Correct the price; leave it empty where there is none."

    PriceTooPrecise "price-too-precise" Error
        "A price has a fraction of a cent."
        "It cannot be charged, and rounding it is the publisher's decision."
        "Round it to cents."

    PriceTooHigh "price-too-high" Error
        "A price is above 42,949,672.94."
        "It does not fit the network file, and no ticket costs that much."
        "Correct the price."

    PriceMissing "price-missing" Info
        "A train has no price in a class."
        "It is found by search, and cannot be booked in that class."
        "Nothing need be done. Fill in the price if there is one."

    FirstClassCheaper "first-class-cheaper" Warning
        "The first class costs less than the second."
        "The two prices were probably swapped; they are used as they are."
        "Swap them, or correct one."

    SkippedTime "skipped-time" Info
        "On a date when clocks go forward, a train's local time does not exist."
        "It is counted from before the change: 02:30 becomes 03:30."
        "Nothing need be done, if this is how the train runs in that night."

    ElapsedTimeKept "elapsed-time-kept" Info
        "On a date when clocks change, a train's local times would have it arrive before it \
         departs."
        "It departs as timetabled and takes as long as on an ordinary day."
        "Nothing need be done, if this is how the train runs in that night."

    StationNotListed "station-not-listed" Warning
        "A city is not in the stations file."
        "It has no country and no place, and its times are taken for those of `--timezone`."
        "Add the city to the stations file, or correct its spelling."

    StationNotServed "station-not-served" Info
        "No train calls at a station of the stations file."
        "The station is left out."
        "Nothing need be done."

    UnknownZone "unknown-zone" Error
        "A station's time zone is not in the IANA database."
        "Its times would be wrong."
        "Write a name such as `Europe/Brussels`."

    BadCoordinates "bad-coordinates" Error
        "A latitude or longitude is not a number of degrees, or only one of them is there."
        "The station would be in the wrong place."
        "Write degrees with a point: latitude from -90 to 90, longitude from -180 to 180. Leave \
         both empty where unknown."

    MalformedCountry "malformed-country" Error
        "A country is not a code of two letters."
        "Countries are compared by ISO 3166-1 alpha-2 codes."
        "Write two capital letters, such as `BE`. Leave it empty where unknown."

    DuplicateStation "duplicate-station" Error
        "Two stations have the same name but for case, accents and punctuation."
        "A city of the timetable could mean either."
        "Remove or rename one of them."

    AmbiguousAlias "ambiguous-alias" Error
        "A name of one station is an alias of another."
        "A city of the timetable could mean either."
        "Remove the alias from one of the stations."

    NothingRuns "nothing-runs" Error
        "No train runs in the period."
        "There would be nothing to search."
        "Correct the period or the days of operation."

    TooLarge "too-large" Error
        "The timetable is larger than the network file's format."
        "It cannot be numbered."
        "Split the timetable or shorten the period."
}
