//! The files of GTFS and their columns.

use crate::read::csv::Column;
use crate::read::row::required;

const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// What is known of a file of GTFS.
#[derive(Debug, Clone, Copy)]
pub struct FileForm {
    /// Its name.
    pub name: &'static str,
    /// The columns that are used.
    pub columns: &'static [Column],
    /// Those that GTFS has besides.
    pub unused: &'static [&'static str],
    /// Whether there is no feed without it.
    pub required: bool,
}

/// Files of GTFS that say nothing of itineraries and prices, or that are not understood.
pub const UNUSED_FILES: &[&str] = &[
    "areas.txt",
    "attributions.txt",
    "booking_rules.txt",
    "fare_leg_join_rules.txt",
    "fare_leg_rules.txt",
    "fare_media.txt",
    "fare_products.txt",
    "fare_transfer_rules.txt",
    "levels.txt",
    "location_group_stops.txt",
    "location_groups.txt",
    "locations.geojson",
    "networks.txt",
    "pathways.txt",
    "rider_categories.txt",
    "route_networks.txt",
    "shapes.txt",
    "stop_areas.txt",
    "timeframes.txt",
    "translations.txt",
];

/// The files that are read, in the order in which findings list them.
pub const FORMS: &[FileForm] = &[
    agency::FORM,
    stops::FORM,
    routes::FORM,
    trips::FORM,
    stop_times::FORM,
    calendar::FORM,
    calendar_dates::FORM,
    feed_info::FORM,
    transfers::FORM,
    frequencies::FORM,
    fare_attributes::FORM,
    fare_rules::FORM,
];

/// Whether a file of this name is read. The others need not be loaded.
pub fn is_read(name: &str) -> bool {
    FORMS.iter().any(|form| form.name == name)
}

/// Where a column is in a list.
const fn position(columns: &[Column], name: &str) -> usize {
    let name = name.as_bytes();
    let mut at = 0;
    while at < columns.len() {
        let other = columns[at].name.as_bytes();
        let mut byte = 0;
        while byte < name.len() && byte < other.len() && name[byte] == other[byte] {
            byte += 1;
        }
        if byte == name.len() && byte == other.len() {
            return at;
        }
        at += 1;
    }
    panic!("the column is not in the list")
}

macro_rules! forms {
    ($($module:ident $file:literal $required:literal
        [$($constant:ident $kind:ident $column:literal),* $(,)?]
        [$($unused:literal),* $(,)?]
    )*) => {$(
        #[doc = concat!("The columns of ", $file, ".")]
        pub mod $module {
            use super::FileForm;

            $(#[doc = concat!("`", $column, "`.")]
            pub const $constant: usize = super::position(FORM.columns, $column);)*

            /// The file.
            pub const FORM: FileForm = FileForm {
                name: $file,
                columns: &[$(super::$kind($column)),*],
                unused: &[$($unused),*],
                required: $required,
            };

        }
    )*};
}

forms! {
    agency "agency.txt" true
        [NAME required "agency_name", ZONE required "agency_timezone", ID optional "agency_id"]
        ["agency_url", "agency_lang", "agency_phone", "agency_fare_url", "agency_email",
            "cemv_support"]
    stops "stops.txt" true
        [ID required "stop_id", NAME optional "stop_name", LATITUDE optional "stop_lat",
            LONGITUDE optional "stop_lon", FARE_ZONE optional "zone_id",
            KIND optional "location_type", PARENT optional "parent_station",
            ZONE optional "stop_timezone"]
        ["stop_code", "stop_desc", "stop_url", "tts_stop_name", "wheelchair_boarding", "level_id",
            "platform_code", "stop_access"]
    routes "routes.txt" true
        [ID required "route_id", KIND required "route_type", AGENCY optional "agency_id",
            SHORT optional "route_short_name", LONG optional "route_long_name",
            DESCRIPTION optional "route_desc"]
        ["route_url", "route_color", "route_text_color", "route_sort_order", "continuous_pickup",
            "continuous_drop_off", "network_id", "cemv_support"]
    trips "trips.txt" true
        [ID required "trip_id", ROUTE required "route_id", SERVICE required "service_id",
            NUMBER optional "trip_short_name"]
        ["trip_headsign", "direction_id", "block_id", "shape_id", "wheelchair_accessible",
            "bikes_allowed", "cars_allowed", "safe_duration_factor", "safe_duration_offset"]
    stop_times "stop_times.txt" true
        [TRIP required "trip_id", ARRIVAL optional "arrival_time",
            DEPARTURE optional "departure_time", STOP required "stop_id",
            SEQUENCE required "stop_sequence", PICKUP optional "pickup_type",
            DROP_OFF optional "drop_off_type", DISTANCE optional "shape_dist_traveled"]
        ["stop_headsign", "timepoint", "continuous_pickup", "continuous_drop_off",
            "location_group_id", "location_id", "start_pickup_drop_off_window",
            "end_pickup_drop_off_window", "pickup_booking_rule_id", "drop_off_booking_rule_id"]
    calendar "calendar.txt" false
        [SERVICE required "service_id", MONDAY required "monday", TUESDAY required "tuesday",
            WEDNESDAY required "wednesday", THURSDAY required "thursday", FRIDAY required "friday",
            SATURDAY required "saturday", SUNDAY required "sunday", START required "start_date",
            END required "end_date"]
        []
    calendar_dates "calendar_dates.txt" false
        [SERVICE required "service_id", DATE required "date", KIND required "exception_type"]
        []
    feed_info "feed_info.txt" false
        [_PUBLISHER optional "feed_publisher_name", END optional "feed_end_date",
            START optional "feed_start_date"]
        ["feed_publisher_url", "feed_lang", "default_lang", "feed_version",
            "feed_contact_email", "feed_contact_url"]
    transfers "transfers.txt" false
        [FROM optional "from_stop_id", TO optional "to_stop_id", KIND optional "transfer_type",
            SECONDS optional "min_transfer_time", FROM_ROUTE optional "from_route_id",
            TO_ROUTE optional "to_route_id", FROM_TRIP optional "from_trip_id",
            TO_TRIP optional "to_trip_id"]
        []
    frequencies "frequencies.txt" false
        [TRIP required "trip_id", START required "start_time", END required "end_time",
            HEADWAY required "headway_secs", EXACT optional "exact_times"]
        []
    fare_attributes "fare_attributes.txt" false
        [ID required "fare_id", PRICE required "price", CURRENCY required "currency_type",
            AGENCY optional "agency_id"]
        ["payment_method", "transfers", "transfer_duration"]
    fare_rules "fare_rules.txt" false
        [FARE required "fare_id", ROUTE optional "route_id", ORIGIN optional "origin_id",
            DESTINATION optional "destination_id", CONTAINS optional "contains_id"]
        []
}
