//! The rule of a feasible transfer, shared by the compiler and the server.

use rkyv::{Archive, Deserialize, Serialize};

/// Changes of train that an itinerary may have.
pub const MAX_STOPS: usize = 2;

/// How long a layover may be. It applies to every transfer of an itinerary.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
#[rkyv(derive(Debug))]
#[repr(u8)]
pub enum LayoverPolicy {
    /// Any wait from the minimum transfer time on.
    #[default]
    None,
    /// 15 to 120 minutes for a layover that begins from 06:00 to 21:59 local, else 15 to 30.
    Strict,
    /// 15 to 180 minutes for a layover that begins from 06:00 to 21:59 local, else 15 to 30.
    Lenient,
}

impl LayoverPolicy {
    /// The shortest layover it allows, in minutes.
    pub const fn shortest(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Strict | Self::Lenient => 15,
        }
    }

    /// The longest layover it allows, in minutes, where it begins by day (06:00 to 21:59 local) or
    /// by night.
    pub const fn longest(self, by_day: bool) -> i32 {
        match (self, by_day) {
            (Self::None, _) => i32::MAX,
            (Self::Strict, true) => 120,
            (Self::Lenient, true) => 180,
            (Self::Strict | Self::Lenient, false) => 30,
        }
    }

    /// Whether a layover that begins at `minute_of_day` by the clock on the wall counts as by day.
    pub const fn is_by_day(minute_of_day: u16) -> bool {
        minute_of_day >= 6 * 60 && minute_of_day < 22 * 60
    }

    /// Whether it allows a layover of `minutes` that begins at `minute_of_day` local.
    pub const fn allows(self, minutes: i32, minute_of_day: u16) -> bool {
        minutes >= self.shortest() && minutes <= self.longest(Self::is_by_day(minute_of_day))
    }
}

/// The network's limits on transfers.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfers {
    /// The minimum transfer time, in minutes, of a station that has none of its own.
    pub minutes_min_default: u16,
    /// The longest time, in minutes, from departure to arrival of an itinerary with a stop.
    pub duration_minutes_max: u32,
    /// The layover policy of requests that name none, and of the connection tables.
    pub layover_policy: LayoverPolicy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_depends_on_when_the_layover_begins() {
        let allowed = |policy: LayoverPolicy, minutes, hour: u16, minute: u16| {
            policy.allows(minutes, hour * 60 + minute)
        };
        assert!(!allowed(LayoverPolicy::Strict, 14, 12, 0));
        assert!(allowed(LayoverPolicy::Strict, 15, 12, 0));
        assert!(allowed(LayoverPolicy::Strict, 120, 6, 0));
        assert!(!allowed(LayoverPolicy::Strict, 121, 12, 0));
        assert!(allowed(LayoverPolicy::Lenient, 180, 21, 59));
        assert!(!allowed(LayoverPolicy::Lenient, 31, 22, 0));
        assert!(allowed(LayoverPolicy::Lenient, 30, 5, 59));
        assert!(allowed(LayoverPolicy::None, 0, 3, 0));
    }
}
