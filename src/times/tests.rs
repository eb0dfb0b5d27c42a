use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;

fn said(text: &str) -> String {
    let finding = Times::parse(text).unwrap_err();
    assert_eq!(finding.code, Code::Schedule);
    format!("{finding} | {}", finding.hint.as_deref().unwrap_or_default())
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// The next times behind `after`, as local clocks show them with their distance from UTC.
fn times<const N: usize>(text: &str, place: &str, after: &str) -> [String; N] {
    let (times, zone) = (Times::parse(text).unwrap(), zone(place));
    let mut at: Timestamp = after.parse().unwrap();
    std::array::from_fn(|_| {
        at = times.next(at, &zone).unwrap();
        at.to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S%:z").to_string()
    })
}

#[test]
fn what_does_not_fit_is_said_field_by_field() {
    insta::assert_snapshot!(said("*/5 * * * *"), @r#"a schedule has six fields, this one 5 | seconds come first: "0 */5 * * * *" is every five minutes"#);
    insta::assert_snapshot!(said("@daily"), @r#"a schedule has six fields, this one 1 | seconds come first: "0 */5 * * * *" is every five minutes"#);
    insta::assert_snapshot!(said("0 0 25 * * *"), @"`25` is no hour of a schedule | 0 to 23; * for all, 1,5 for several, 1-5 for a range, */5 for steps");
    insta::assert_snapshot!(said("0 0 0 0 * *"), @"`0` is no day of the month of a schedule | 1 to 31; * for all, 1,5 for several, 1-5 for a range, */5 for steps");
    insta::assert_snapshot!(said("0 0 3 * * 0"), @"`0` counts weekdays in a schedule | name them, SUN to SAT: crontab's Sunday is 0 or 7, that of others is 1");
    insta::assert_snapshot!(said("0 0 3 * * MON-5"), @"`MON-5` counts weekdays in a schedule | name them, SUN to SAT: crontab's Sunday is 0 or 7, that of others is 1");
    insta::assert_snapshot!(said("0 0 3 * * SAT-SUN"), @"`SAT-SUN` is no weekday of a schedule | SUN, MON, TUE, WED, THU, FRI, SAT, the earlier one first in a range; * for all, 1,5 for several, 1-5 for a range, */5 for steps");
    insta::assert_snapshot!(said("0 0 3 30 FEB *"), @"this schedule never comes | no year has such a day");
    for wrong in
        ["*/0", "*/60", "5-1", "1,", "1-", "/5", "H", "5/", "-1", "1..5", "*,", "99999999999"]
    {
        assert!(said(&format!("0 {wrong} * * * *")).contains("is no minute"), "{wrong}");
    }
}

#[test]
fn weekdays_by_name_are_those_of_the_calendar() {
    // 2026-11-29 is a Sunday.
    assert_eq!(times("0 0 3 * * SUN", "UTC", "2026-11-25T00:00:00Z"), ["11-29 03:00:00+00:00"]);
    let week = times("0 0 3 * * mon-wed,Saturday", "UTC", "2026-11-29T00:00:00Z");
    assert_eq!(week.map(|time: String| time[..5].to_owned()), ["11-30", "12-01", "12-02", "12-05"]);
}

#[test]
fn a_day_and_a_weekday_must_both_hold() {
    let times = Times::parse("0 0 3 13 * FRI").unwrap();
    assert!(times.is_on_days_that_are_both());
    let next = times.next("2026-11-29T00:00:00Z".parse().unwrap(), &TimeZone::UTC).unwrap();
    assert_eq!(next.to_string(), "2027-08-13T03:00:00Z");
    for single in ["0 0 3 13 * *", "0 0 3 * * FRI", "0 0 3 ? * FRI", "0 0 3 13 * ?"] {
        assert!(!Times::parse(single).unwrap().is_on_days_that_are_both(), "{single}");
    }
}

#[test]
fn clocks_of_a_zone_are_followed() {
    let day = "2026-11-29T12:00:00Z";
    assert_eq!(times("0 30 2 * * *", "Asia/Seoul", day), ["11-30 02:30:00+09:00"]);
    assert_eq!(times("0 30 2 * * *", "Asia/Kathmandu", day), ["11-30 02:30:00+05:45"]);
}

/// In New York clocks went from 02:00 to 03:00 on 2026-03-08.
#[test]
fn a_time_that_is_skipped_comes_when_clocks_skip() {
    let night = "2026-03-07T12:00:00Z";
    assert_eq!(
        times("0 30 2 * * *", "America/New_York", night),
        ["03-08 03:00:00-04:00", "03-09 02:30:00-04:00"]
    );
    // What comes all the time has nothing to make up for.
    assert_eq!(
        times("0 */20 * * * *", "America/New_York", "2026-03-08T06:30:00Z"),
        ["03-08 01:40:00-05:00", "03-08 03:00:00-04:00", "03-08 03:20:00-04:00"]
    );
}

/// In New York clocks went from 02:00 back to 01:00 on 2026-11-01.
#[test]
fn a_time_that_comes_twice_counts_once_where_hours_are_named() {
    let night = "2026-11-01T05:10:00Z";
    assert_eq!(
        times("0 30 1 * * *", "America/New_York", night),
        ["11-01 01:30:00-04:00", "11-02 01:30:00-05:00"]
    );
    // Also when it was between the two that the schedule was looked at.
    assert_eq!(
        times("0 30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z"),
        ["11-02 01:30:00-05:00"]
    );
    assert_eq!(
        times("0 */30 * * * *", "America/New_York", "2026-11-01T05:10:00Z"),
        [
            "11-01 01:30:00-04:00",
            "11-01 01:00:00-05:00",
            "11-01 01:30:00-05:00",
            "11-01 02:00:00-05:00"
        ]
    );
    // Half an hour, on an island: 02:00 became 01:30 on 2026-04-05.
    assert_eq!(
        times("0 45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:20:00Z"),
        ["04-05 01:45:00+11:00", "04-05 01:45:00+10:30", "04-05 02:45:00+10:30"]
    );
}

#[test]
fn what_is_over_comes_no_more() {
    let times = Times::parse("0 0 0 1 1 * 2026").unwrap();
    assert_eq!(times.next("2026-06-01T00:00:00Z".parse().unwrap(), &TimeZone::UTC), None);
    assert_eq!(times.next(Timestamp::MAX, &zone("Europe/Berlin")), None);
    assert!(times.next(Timestamp::MIN, &zone("Europe/Berlin")).is_some());
}

/// A field's text, and whether a number is among what it names.
fn field(least: u32, most: u32) -> impl Strategy<Value = (String, Vec<u32>)> {
    let all = move || (least..=most).collect::<Vec<_>>();
    let any = Just(("*".to_owned(), all()));
    let steps = (1..=most.max(2) / 2).prop_map(move |step| {
        (format!("*/{step}"), (least..=most).step_by(step as usize).collect())
    });
    let list = proptest::collection::btree_set(least..=most, 1..4).prop_map(|some| {
        let texts: Vec<_> = some.iter().map(ToString::to_string).collect();
        (texts.join(","), some.into_iter().collect())
    });
    prop_oneof![3 => any, 1 => steps, 2 => list]
}

/// A moment of 2026, rather often within hours of one at which clocks change somewhere.
fn start() -> impl Strategy<Value = i64> {
    let near = |change: &str| {
        let change = change.parse::<Timestamp>().unwrap().as_second();
        (change - 6 * 3_600)..(change + 3 * 3_600)
    };
    prop_oneof![
        1_772_000_000_i64..1_794_000_000,
        near("2026-03-08T07:00:00Z"),
        near("2026-04-04T15:00:00Z"),
        near("2026-10-03T15:30:00Z"),
        near("2026-11-01T06:00:00Z"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Minute by minute, by somebody else's clock.
    #[test]
    fn the_next_time_is_the_first_that_fits(
        (minutes, minute) in field(0, 59), (hours, hour) in field(0, 23),
        start in start(), place in 0_usize..4,
    ) {
        let zone = zone(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Seoul"][place]);
        let times = Times::parse(&format!("0 {minutes} {hours} * * *")).unwrap();
        let after = Timestamp::from_second(start).unwrap();
        let local = |at: i64| Timestamp::from_second(at).unwrap().to_zoned(zone.clone());
        let fits = |civil: DateTime| {
            let (m, h) = (u32::try_from(civil.minute()).unwrap(), u32::try_from(civil.hour()).unwrap());
            civil.second() == 0 && minute.contains(&m) && hour.contains(&h)
        };
        let each_hour = hour.len() == 24;
        // By a walk through the seconds that are whole minutes anywhere.
        let first = (start + 1..).filter(|at| at % 60 == 0).find(|&at| {
            let (now, before) = (local(at), local(at - 1));
            let skipped = (1..).map(|minutes| before.datetime() + SignedDuration::from_secs(60 * minutes - 59))
                .take_while(|civil| *civil < now.datetime()).any(fits);
            let second_time = zone.to_ambiguous_zoned(now.datetime()).is_ambiguous()
                && zone.to_ambiguous_zoned(now.datetime()).earlier().unwrap().timestamp() != now.timestamp();
            skipped || (fits(now.datetime()) && (each_hour || !second_time))
        });
        prop_assert_eq!(times.next(after, &zone).map(Timestamp::as_second), first);
    }

    #[test]
    fn no_text_is_too_odd(text in "[-*/,?0-9A-Za-z@#é ]{0,40}", rest in "[-*/,0-9]{1,4}") {
        for text in [text, format!("{rest} * * * * *"), format!("0 0 0 {rest} * *"), format!("0 0 0 1 1 * {rest}")] {
            if let Ok(times) = Times::parse(&text) {
                let after = Timestamp::UNIX_EPOCH;
                prop_assert!(times.next(after, &TimeZone::UTC).is_some_and(|next| next > after), "{}", text);
            }
        }
    }
}
