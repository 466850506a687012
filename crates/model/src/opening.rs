//! When a queue is open: weekly hours in a time zone, as pure functions of an instant.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use crate::Timestamp;

/// Days looked at around an instant; a week and a day on each side sees every change there is.
const DAYS_BEFORE: i64 = 9;
const DAYS_AFTER: i64 = 10;
const MINUTES_A_DAY: u16 = 24 * 60;

/// Weekly hours. Clocks that are put forward or back move the hours with them, as people's days do.
#[derive(Debug, Clone, PartialEq)]
pub struct OpeningHours {
    /// On which days they begin, Monday first.
    pub days: [bool; 7],
    /// Minutes after midnight, below 1,440.
    pub from: u16,
    /// Minutes after midnight, at most 1,440; not after `from` it is the next day's.
    pub to: u16,
    /// Whose clock.
    pub zone: TimeZone,
}

/// From one instant to before another, in milliseconds since 1970.
type Interval = (i64, i64);

impl OpeningHours {
    /// The hours that begin on one day; `None`: on that day there are none.
    fn on(&self, date: Date) -> Option<Interval> {
        let weekday = match date.weekday() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        };
        if !self.days.get(weekday).copied().unwrap_or(false) {
            return None;
        }
        let next_day = i64::from(self.to <= self.from) * i64::from(MINUTES_A_DAY);
        let start = self.instant(date, i64::from(self.from))?;
        let end = self.instant(date, i64::from(self.to) + next_day)?;
        (start < end).then_some((start, end))
    }

    /// When the clock shows so many minutes after a day's midnight.
    fn instant(&self, date: Date, minutes: i64) -> Option<i64> {
        let a_day = i64::from(MINUTES_A_DAY);
        let date = date.checked_add(days(minutes / a_day)).ok()?;
        let (hour, minute) = ((minutes % a_day) / 60, minutes % 60);
        let shown = date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
        let at = self.zone.to_ambiguous_timestamp(shown).compatible().ok()?;
        Some(at.as_millisecond())
    }
}

fn days(n: i64) -> Span {
    n.days()
}

/// All hours around an instant, in order, without overlap or touching.
fn around(hours: &[OpeningHours], at: Timestamp) -> Vec<Interval> {
    let Ok(instant) = jiff::Timestamp::from_millisecond(at.0) else {
        return Vec::new();
    };
    let mut all: Vec<Interval> = Vec::new();
    for one in hours {
        let today = one.zone.to_datetime(instant).date();
        let nearby = (-DAYS_BEFORE..=DAYS_AFTER).filter_map(|n| today.checked_add(days(n)).ok());
        all.extend(nearby.filter_map(|date| one.on(date)));
    }
    all.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for (start, end) in all {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Whether any of the hours hold at an instant. Without hours it is always open.
pub fn is_open(hours: &[OpeningHours], at: Timestamp) -> bool {
    let around = around(hours, at);
    hours.is_empty()
        || around
            .iter()
            .any(|&(start, end)| (start..end).contains(&at.0))
}

/// The first instant after this one at which [`is_open`] answers otherwise; `None`: it never does.
pub fn next_change(hours: &[OpeningHours], at: Timestamp) -> Option<Timestamp> {
    // A week, and the hour by which clocks are put forward or back.
    const A_WEEK: i64 = (7 * 24 + 1) * 60 * 60 * 1_000;
    let around = around(hours, at);
    let now = around.iter().find(|(_, end)| *end > at.0)?;
    let change = if now.0 > at.0 { now.0 } else { now.1 };
    // Whoever is open for more than a week never closes.
    (change - at.0 <= A_WEEK).then_some(Timestamp(change))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;
    use proptest::prelude::*;

    use super::*;

    const WEEKEND: [bool; 7] = [false, false, false, false, true, true, false];

    fn zone(name: &str) -> TimeZone {
        TimeZoneDatabase::bundled().get(name).expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().expect("an instant");
        Timestamp(at.as_millisecond())
    }

    fn hours(days: [bool; 7], from: u16, to: u16, name: &str) -> OpeningHours {
        OpeningHours {
            days,
            from,
            to,
            zone: zone(name),
        }
    }

    #[test]
    fn an_evening_that_ends_after_midnight_belongs_to_the_day_it_begins() {
        let evening = [hours(WEEKEND, 18 * 60, 2 * 60, "Europe/Berlin")];
        // Friday 6 November 2026, one hour ahead of UTC.
        assert!(!is_open(&evening, at("2026-11-06T16:59:59.999Z")));
        assert!(is_open(&evening, at("2026-11-06T17:00:00Z")));
        assert!(is_open(&evening, at("2026-11-07T00:59:59Z")));
        assert!(!is_open(&evening, at("2026-11-07T01:00:00Z")));
        assert!(is_open(&evening, at("2026-11-08T00:30:00Z")), "Saturday's");
        assert!(
            !is_open(&evening, at("2026-11-09T00:30:00Z")),
            "Sunday has none"
        );
        let next = |text| next_change(&evening, at(text));
        assert_eq!(
            next("2026-11-06T12:00:00Z"),
            Some(at("2026-11-06T17:00:00Z"))
        );
        assert_eq!(
            next("2026-11-06T17:00:00Z"),
            Some(at("2026-11-07T01:00:00Z"))
        );
        assert_eq!(
            next("2026-11-08T01:00:00Z"),
            Some(at("2026-11-13T17:00:00Z"))
        );
    }

    #[test]
    fn hours_follow_the_clocks_of_their_zone() {
        let day = [hours([true; 7], 8 * 60, 9 * 60, "Europe/Berlin")];
        assert!(is_open(&day, at("2026-10-24T06:30:00Z")), "summer time");
        assert!(is_open(&day, at("2026-10-26T07:30:00Z")), "winter time");
        // On 29 March 2026 there is no half past two in Berlin; what begins then begins at half past three.
        let night = [hours([true; 7], 150, 4 * 60, "Europe/Berlin")];
        assert!(!is_open(&night, at("2026-03-29T01:29:59Z")));
        assert!(is_open(&night, at("2026-03-29T01:30:00Z")));
    }

    #[test]
    fn hours_that_touch_are_one_and_the_whole_week_never_closes() {
        let halves = [
            hours([true; 7], 0, 12 * 60, "UTC"),
            hours([true; 7], 12 * 60, MINUTES_A_DAY, "UTC"),
        ];
        let now = at("2026-11-06T12:00:00Z");
        assert!(is_open(&halves, now));
        assert_eq!(next_change(&halves, now), None);
        assert!(is_open(&[], now));
        assert_eq!(next_change(&[], now), None);
    }

    proptest! {
        /// From one change to the next nothing changes, and then it does.
        #[test]
        fn the_next_change_is_the_first(
            days in any::<[bool; 7]>(),
            more in any::<[bool; 7]>(),
            times in prop::array::uniform4(0_u16..1_440),
            start in 1_750_000_000_000_i64..1_900_000_000_000,
            name in prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("America/New_York"), Just("Asia/Kathmandu")],
        ) {
            let all = [hours(days, times[0], times[1], name), hours(more, times[2], times[3], "Asia/Tokyo")];
            let now = Timestamp(start);
            let open = is_open(&all, now);
            match next_change(&all, now) {
                Some(change) => {
                    prop_assert!(change > now);
                    prop_assert_eq!(is_open(&all, change), !open);
                    prop_assert_eq!(is_open(&all, Timestamp(change.0 - 1)), open);
                    for n in 1..20 {
                        let between = start + (change.0 - start) / 20 * n;
                        prop_assert_eq!(is_open(&all, Timestamp(between)), open);
                    }
                }
                None => for hour in (0..200).step_by(7) {
                    prop_assert_eq!(is_open(&all, Timestamp(start + hour * 3_600_000)), open);
                },
            }
        }
    }
}
