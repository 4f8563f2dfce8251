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
        "The input is a folder or a zip archive, and not one GTFS feed."
        "Folders and archives are read as GTFS: their files have names such as `stops.txt`, all in \
         one folder."
        "Name a folder or an archive with the files of one feed."

    BrokenArchive "broken-archive" Error
        "An archive, or a file in it, cannot be unpacked."
        "It was probably cut off on its way, or packed by a method that is not known."
        "Download or pack it again, or unpack it and name the folder."

    UnsafePath "unsafe-path" Error
        "The path of a file in an archive leads out of the archive."
        "Whoever unpacks it would have other files overwritten: it may be an attack."
        "Pack the files of the feed without folders."

    EncryptedEntry "encrypted-entry" Error
        "A file in an archive is encrypted."
        "It cannot be read without its password."
        "Pack the feed without a password."

    DuplicateEntry "duplicate-entry" Error
        "An archive has two files of the same name."
        "It is not known which of them counts."
        "Pack the folder of the feed anew."

    ArchiveTooLarge "archive-too-large" Error
        "A file in an archive unpacks to more than 3 GiB, all of them to more than 4 GiB, or one \
         to more than 250 times its size."
        "No timetable does: the archive may be an attack that fills memory."
        "Look at what is in the archive; if it is right, unpack it and name the folder."

    FeedInSubfolder "feed-in-subfolder" Info
        "The files of a GTFS feed stand in a folder of the input."
        "They are read from there; other programs may not find them."
        "Nothing need be done. Pack the files without their folder to be rid of it."

    UnusedFile "unused-file" Info
        "A file of the feed is not used."
        "What it says, such as fares of the newer kind, is not in the network file."
        "Nothing need be done. If it was meant to be used, look at its name."

    MissingFile "missing-file" Error
        "A feed lacks a file without which there is no timetable."
        "Every feed has agency.txt, stops.txt, routes.txt, trips.txt, stop_times.txt, and one of \
         calendar.txt and calendar_dates.txt."
        "Export the feed again, or look at the spelling of the file's name."

    HeaderOnly "header-only" Info
        "An optional file of a feed has no rows."
        "The feed is read as if it lacked the file."
        "Nothing need be done. If it should have rows, export the feed again."

    PaddedValue "padded-value" Info
        "Values of a file have blanks around them."
        "They are left out, or an id would not be that of another file."
        "Nothing need be done. Export the values without blanks to be rid of it."

    ControlCharacter "control-character" Warning
        "A value has a character that cannot be seen, such as a line break or the byte 0."
        "It was taken for a blank: databases and terminals do not take such characters."
        "Remove the character from the value; it often comes from a broken export."

    RowWidth "row-width" Warning
        "A row has fewer or more values than the header, and none that is required is missing."
        "Values that are missing are taken for empty; empty ones too many are left out."
        "Write as many values as the header has columns; an empty one still needs its comma."

    ValueMalformed "value-malformed" Warning
        "A value of a feed is missing, or is not of the form that GTFS has for it."
        "The finding says what was done; where a trip was left out, the network has a hole."
        "Correct the value."

    DuplicateKey "duplicate-key" Error
        "Two rows of a feed have the same key and different values."
        "It is not known which of them counts."
        "Remove one of them, or give it another key."

    RepeatedKey "repeated-key" Info
        "A row of a feed is there twice."
        "It counts once."
        "Nothing need be done."

    UnknownReference "unknown-reference" Warning
        "A row of a feed refers to a row that is not there."
        "The finding says what was left out; where that is a trip, the network has a hole."
        "Add the row that is referred to, or correct the id."

    ZoneDiffers "zone-differs" Error
        "The agencies of a feed have different time zones."
        "All times of a feed are in one zone; it is not known which."
        "Split the feed, or give all agencies the zone that its times are in."

    StopZoneUnknown "stop-zone-unknown" Warning
        "A stop's time zone is not in the IANA database."
        "Its times are shown in the zone of the agency."
        "Write a name such as `Europe/Brussels`."

    ParentUnusable "parent-unusable" Warning
        "A stop's parent is not there, or is not a station."
        "The stop is taken for a station of its own, so that one cannot change there."
        "Give the stop a parent with location_type 1, or none."

    PlaceUnusable "place-unusable" Warning
        "A station has no coordinates, or some that are nowhere, such as -200, -200 or 0, 0."
        "It cannot be shown on a map, nor told from others of its name."
        "Add the coordinates."

    StationWithoutName "station-without-name" Warning
        "A station has no name with letters or digits."
        "It can be found by its id only."
        "Add its stop_name."

    CalendarReversed "calendar-reversed" Error
        "A service ends before it starts."
        "It is not known when its trips run."
        "Swap the two dates, or correct one of them."

    RemovalWithoutEffect "removal-without-effect" Warning
        "A date is removed from a service that does not run on it."
        "The removal is left out. A calendar may be missing, or have the wrong id."
        "Add the calendar, or remove the row."

    TripsOutsidePeriod "trips-outside-period" Info
        "Trips run on no date of the period."
        "They are left out."
        "Nothing need be done. Widen the period with `--from` and `--until` to have them."

    PeriodCut "period-cut" Warning
        "The services of a feed run over more than 400 dates."
        "Publishers write far ends such as 2059 for open ones; tables of so many dates would be \
         large and mostly wrong."
        "Say which dates to compile with `--from DATE --until DATE`."

    RouteTypeLeftOut "route-type-left-out" Info
        "A feed has trips of a route type that was not asked for."
        "They are left out; railways are asked for unless something else is."
        "Nothing need be done. Add the type to `--route-types` to have them."

    TripTooShort "trip-too-short" Warning
        "A trip has no stop times, or one only."
        "Nobody can travel with it; it is left out."
        "Add its stop times, or remove the trip."

    TimeMissing "time-missing" Warning
        "The first or the last call of a trip has no time."
        "It is not known when the trip runs; it is left out."
        "Add the time."

    TimeInterpolated "time-interpolated" Info
        "Calls of a trip have no times."
        "They get times between those of the calls around them."
        "Nothing need be done. Add the times if they are known."

    TimesRunBackwards "times-run-backwards" Warning
        "A time of a trip is before the time before it."
        "It is not known which of them is right; the trip is left out."
        "Correct the time. After midnight the hours go on: 24:10:00, 25:10:00."

    SequenceOutOfOrder "sequence-out-of-order" Info
        "The stop times of a trip do not stand in the order of their stop_sequence."
        "They are put in that order."
        "Nothing need be done."

    StopOnRequest "stop-on-request" Info
        "Passengers must phone or ask the driver to board or alight."
        "Search takes these stops for ordinary ones."
        "Nothing need be done."

    NoRide "no-ride" Info
        "Nobody may board a trip at one stop and alight at a later one."
        "It is left out."
        "Nothing need be done, unless pickup_type or drop_off_type is wrong."

    FrequenciesOverlap "frequencies-overlap" Warning
        "Two rows of frequencies.txt have one trip run at the same time."
        "The runs of both are taken; there may be more trains than are meant."
        "Let the second window begin where the first ends."

    HeadwayApproximated "headway-approximated" Info
        "A trip runs at a headway and not at exact times."
        "It is taken to run at the start of the window and every headway after it."
        "Nothing need be done. Set exact_times to 1 where these times are exact."

    TooManyRuns "too-many-runs" Error
        "A trip of frequencies.txt runs more than 5,000 times a date."
        "No train does; a headway is probably wrong."
        "Write the headway in seconds."

    TransferNotApplied "transfer-not-applied" Warning
        "A transfer is for some routes, trips or platforms only."
        "A network file has one minimum transfer time a station and one footpath between two."
        "Nothing need be done, unless the transfer was meant for the whole station."

    InSeatNotJoined "in-seat-not-joined" Warning
        "Passengers may stay seated from one trip to another, and the trips do not fit together."
        "They are searched as two trains with a change between."
        "Let the second trip start where and when the first ends, on the same service dates."

    CurrencyLeftOut "currency-left-out" Warning
        "A price is in another currency than most."
        "A network has one currency; the price is left out."
        "Write all prices in one currency."

    TooManyDropped "too-many-dropped" Error
        "More trips were left out for their defects than `--max-dropped` allows."
        "The network would have holes where trains run."
        "Mend the warnings above, or allow more with `--max-dropped PERCENT`."

    TimesConverted "times-converted" Info
        "The inputs have times of different zones."
        "They are converted, date by date, to the zone of the first GTFS feed."
        "Nothing need be done."

    StationsMerged "stations-merged" Info
        "Stations of several inputs were taken for one."
        "One can change between the trains of both there."
        "Nothing need be done. Leave out `--merge-stations` to keep them apart."

    IdsPrefixed "ids-prefixed" Info
        "Stations or trips of several inputs have the same id."
        "Those of the later inputs get the input's number before their id."
        "Nothing need be done. For stations that are the same, add `--merge-stations id`."

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
