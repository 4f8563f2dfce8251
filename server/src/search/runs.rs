//! The dated runs of a station's calls.

use schema::{ArchivedCall, ArchivedCallRef, Instant, JourneyIdx, NetworkView};

/// Visits the runs of allowed journeys, on their dates, whose minute at a call lies from the first
/// to the last instant. The calls must be sorted by that minute.
pub fn runs(
    view: NetworkView<'_>,
    calls: &[ArchivedCallRef],
    minute: impl Fn(&ArchivedCall) -> i32,
    (first, last): (Instant, Instant),
    allowed: impl Fn(JourneyIdx) -> bool,
    run: &mut dyn FnMut(&ArchivedCallRef, i32),
) {
    let (Some(morning), Some(evening)) = (calls.first(), calls.last()) else {
        return;
    };
    let minute = |at: &ArchivedCallRef| {
        let journey = JourneyIdx(at.journey.0.to_native());
        minute(&view.calls(journey)[at.call.to_native() as usize])
    };
    for day in days(view, (minute(morning), minute(evening)), (first, last)) {
        let origin = view.origin(day);
        let start = calls.partition_point(|at| origin + minute(at) < first);
        for at in &calls[start..] {
            if origin + minute(at) > last {
                break;
            }
            let journey = JourneyIdx(at.journey.0.to_native());
            if view.runs(journey, day) && allowed(journey) {
                run(at, day);
            }
        }
    }
}

/// The days of the axis of which a minute from the first to the last may lie from the first to the
/// last instant.
pub fn days(
    view: NetworkView<'_>,
    (minute_first, minute_last): (i32, i32),
    (first, last): (Instant, Instant),
) -> std::ops::RangeInclusive<i32> {
    // A day's origin lies within a day of its place on an axis of equal days.
    let epoch = i64::from(view.origin(0));
    let day = |instant: i64| (instant - epoch).div_euclid(1440);
    let axis = view.axis_days() as i64 - 1;
    let from = day(i64::from(first) - i64::from(minute_last) - 1440).clamp(0, axis + 1);
    let to = day(i64::from(last) - i64::from(minute_first) + 1440).clamp(-1, axis);
    from as i32..=to as i32
}
