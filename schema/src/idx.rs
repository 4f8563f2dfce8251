//! Typed indices: a station's number cannot index the journeys.

use rkyv::{Archive, Deserialize, Serialize};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord,
            Hash, Default,
        )]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the table that this index belongs to.
            #[inline]
            pub const fn at(self) -> usize {
                self.0 as usize
            }

            /// The index of position `at`.
            ///
            /// # Panics
            ///
            /// Where the table has more than 2³² rows.
            #[inline]
            pub fn of(at: usize) -> Self {
                Self(u32::try_from(at).expect("a table has fewer than 2^32 rows"))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index!(
    /// A [`Station`](crate::Station) of the network.
    StationIdx
);
index!(
    /// A [`ServiceJourney`](crate::ServiceJourney) of the network.
    JourneyIdx
);
index!(
    /// An interned set of days, see [`days`](crate::days).
    DaySetIdx
);
index!(
    /// An interned text: a train type, an operator, a number, a zone.
    TextIdx
);
index!(
    /// A date on the network's day axis: 0 is the axis' first date.
    DayIdx
);
