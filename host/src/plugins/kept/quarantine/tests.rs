#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    plugins::{api::Event, kept::Kept},
    report::log_of,
};

const MOST: usize = 10;

fn kept() -> (TempDir, Kept) {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::open(folder.path()).unwrap();
    (folder, kept)
}

fn event(data: &str) -> Event {
    Event {
        pipe: "web_chat".into(),
        name: "msg".into(),
        data: data.to_owned(),
        user_id: Some(7),
        time: Some(1_795_519_530),
        history: false,
    }
}

/// A moment, in milliseconds after a certain one.
fn at(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_519_530_000 + milliseconds)
}

fn failed(event: &Event, at: SystemTime) -> Failed<'_> {
    Failed { version: "1.0.0+abc", event, reason: "its `handle` trapped", backtrace: &[], at }
}

fn add(kept: &Kept, plugin: &str, data: &str, at: SystemTime) -> Id {
    kept.quarantine().add(plugin, &failed(&event(data), at), MOST).unwrap()
}

fn data(kept: &Kept, plugin: Option<&str>) -> Vec<String> {
    kept.quarantine().list(plugin).into_iter().map(|entry| entry.event.data).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn failed_events_outlive_a_restart_and_ids_go_on_behind_them() {
    let (folder, kept) = kept();
    let first = add(&kept, "karma", "one", at(5));
    drop(kept);
    let kept = Kept::open(folder.path()).unwrap();
    // The clock has been set back meanwhile.
    let second = add(&kept, "karma", "two", at(0));
    assert!(second > first, "{first} {second}");
    assert_eq!((data(&kept, Some("karma")), kept.quarantine().count("karma")), (vec!["one".into(), "two".into()], 2));
    let ids: Vec<Id> = kept.quarantine().list(Some("karma")).iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [first, second]);
}

#[test]
fn the_form_of_an_entry_stays_so_that_other_versions_can_read_it() {
    let (folder, kept) = kept();
    let event = event("quoted \" and \0");
    let backtrace = ["inner".to_owned(), "outer".to_owned()];
    let id = kept.quarantine().add("karma", &Failed { backtrace: &backtrace, ..failed(&event, at(1)) }, MOST).unwrap();
    let form = json!({
        "id": "1795519530001000", "plugin": "karma", "version": "1.0.0+abc", "at_unix_ms": 1_795_519_530_001_u64,
        "reason": "its `handle` trapped", "backtrace": ["inner", "outer"],
        "event": {"pipe": "web_chat", "event": "msg", "data": "quoted \" and \0", "user_id": 7, "time": 1_795_519_530,
            "history": false},
    });
    let entry = kept.quarantine().get("karma", id).unwrap();
    assert_eq!(serde_json::to_value(&entry).unwrap(), form);
    assert_eq!(Event::from(entry.event), event);

    let less =
        json!({"id": id, "plugin": "other", "event": {"pipe": "msg", "event": "e", "data": "d", "mood": 1}, "more": 1});
    fs::write(folder.path().join("quarantine/karma").join(format!("{id}.json")), less.to_string()).unwrap();
    let entry = kept.quarantine().get("karma", id).unwrap();
    assert_eq!((&*entry.plugin, &*entry.version, entry.at_unix_ms), ("karma", "", 0), "its place counts");
    assert_eq!((&*entry.event.pipe, entry.event.user_id), ("msg", None));
}

#[test]
fn beyond_the_bound_the_oldest_goes() {
    let (folder, kept) = kept();
    let log = log_of(|| {
        for number in 0..5 {
            kept.quarantine().add("karma", &failed(&event(&number.to_string()), at(number)), 3).unwrap();
        }
    });
    assert!(log.contains("WARN") && log.contains("`quarantine-events` is 3"), "{log}");
    assert_eq!(data(&kept, Some("karma")), ["2", "3", "4"]);
    assert_eq!(files(&folder.path().join("quarantine/karma")).len(), 3);
    kept.quarantine().add("karma", &failed(&event("last"), at(9)), 1).unwrap();
    assert_eq!(data(&kept, Some("karma")), ["last"], "the bound was made smaller");
    assert_eq!(kept.quarantine().add("karma", &failed(&event("none"), at(9)), 0), None);
    assert_eq!(files(&folder.path().join("quarantine/karma")), Vec::<String>::new());
}

#[test]
fn events_that_fail_at_once_keep_their_order() {
    let (_folder, kept) = kept();
    let ids: Vec<Id> = (0..5).map(|number| add(&kept, "karma", &number.to_string(), at(0))).collect();
    assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
    assert_eq!(data(&kept, None), ["0", "1", "2", "3", "4"]);
}

#[test]
fn the_events_of_all_plugins_are_listed_oldest_first() {
    let (_folder, kept) = kept();
    for (plugin, data, at) in [("karma", "one", at(1)), ("Echo-2", "two", at(2)), ("karma", "three", at(3))] {
        add(&kept, plugin, data, at);
    }
    assert_eq!(data(&kept, None), ["one", "two", "three"]);
    assert_eq!(kept.quarantine().plugins().unwrap(), ["Echo-2", "karma"]);
}

#[test]
fn an_event_is_taken_once_and_a_dropped_one_is_gone() {
    let (folder, kept) = kept();
    let quarantine = kept.quarantine();
    let (one, two) = (add(&kept, "karma", "one", at(1)), add(&kept, "karma", "two", at(2)));
    add(&kept, "echo", "other", at(3));
    assert_eq!(quarantine.get("karma", one).unwrap().event.data, "one");
    assert!(quarantine.remove("karma", one).unwrap());
    assert_eq!((quarantine.get("karma", one), quarantine.remove("karma", one).unwrap()), (None, false));
    assert!(quarantine.remove("karma", two).unwrap());
    add(&kept, "karma", "three", at(4));
    add(&kept, "karma", "four", at(5));
    assert_eq!((quarantine.drop_all("karma").unwrap(), quarantine.drop_all("karma").unwrap()), (2, 0));
    assert_eq!((quarantine.count("karma"), data(&kept, None)), (0, vec!["other".into()]));
    assert_eq!(files(&folder.path().join("quarantine")), ["echo"]);
    add(&kept, "karma", "again", at(6));
    assert_eq!(data(&kept, Some("karma")), ["again"]);
}

#[test]
fn reasons_and_backtraces_are_cut_and_data_is_not() {
    let (_folder, kept) = kept();
    let long = "ж".repeat(300_000);
    let (event, backtrace) = (event(&long), vec![long.clone(); 100]);
    let failed = Failed { reason: &long, backtrace: &backtrace, ..failed(&event, at(0)) };
    let id = kept.quarantine().add("karma", &failed, MOST).unwrap();
    let entry = kept.quarantine().get("karma", id).unwrap();
    assert_eq!((entry.reason.len(), entry.event.data.len()), (4 * 1024, long.len()));
    assert_eq!((entry.backtrace.len(), entry.backtrace[0].len()), (32, 1024));
}

#[test]
fn a_damaged_file_is_passed_over_and_can_be_dropped() {
    let (folder, kept) = kept();
    let quarantine = kept.quarantine();
    let ids = ["one", "two", "three"].map(|data| add(&kept, "karma", data, at(0)));
    let path = |id: Id| folder.path().join("quarantine/karma").join(format!("{id}.json"));
    fs::write(path(ids[0]), "{\"id\"").unwrap();
    fs::write(path(ids[1]), "").unwrap();
    let first = log_of(|| assert_eq!(data(&kept, None), ["three"]));
    assert_eq!((first.lines().count(), first.matches("damaged and passed over").count()), (2, 2), "{first}");
    assert_eq!(log_of(|| assert_eq!(data(&kept, None), ["three"])), "", "it has been said");
    assert_eq!((quarantine.get("karma", ids[0]), quarantine.count("karma")), (None, 3));
    assert!(path(ids[0]).exists(), "what cannot be given is not removed");
    assert!(quarantine.remove("karma", ids[0]).unwrap());
    assert_eq!((quarantine.drop_all("karma").unwrap(), path(ids[1]).exists()), (2, false));
}

#[test]
fn what_somebody_removed_by_hand_is_gone_and_new_events_are_kept() {
    let (folder, kept) = kept();
    let place = folder.path().join("quarantine/karma");
    let one = add(&kept, "karma", "one", at(1));
    add(&kept, "karma", "two", at(2));
    fs::remove_file(place.join(format!("{one}.json"))).unwrap();
    assert_eq!((data(&kept, None), kept.quarantine().count("karma")), (vec!["two".into()], 1));
    fs::remove_dir_all(&place).unwrap();
    add(&kept, "karma", "three", at(3));
    assert_eq!(data(&kept, None), ["three"]);
}

#[test]
fn an_event_that_cannot_be_kept_costs_no_other() {
    let (folder, kept) = kept();
    let place = folder.path().join("quarantine/karma");
    add(&kept, "karma", "kept", at(1));
    fs::rename(&place, folder.path().join("aside")).unwrap();
    fs::write(&place, "a file in the place of the folder").unwrap();
    let mut lost = None;
    let log = log_of(|| {
        for _ in 0..100 {
            lost = lost.or(kept.quarantine().add("karma", &failed(&event("lost"), at(2)), 1));
        }
    });
    assert_eq!(lost, None);
    let lines = log.matches("failed events cannot be kept in").count();
    assert!((1..100).contains(&lines) && log.contains("ERROR") && log.contains("karma"), "{log}");
    fs::remove_file(&place).unwrap();
    fs::rename(folder.path().join("aside"), &place).unwrap();
    assert_eq!(data(&kept, None), ["kept"], "it makes no room for what cannot be kept");
    add(&kept, "karma", "next", at(3));
    assert_eq!(data(&kept, None), ["kept", "next"]);
}

#[test]
fn what_a_kill_left_unfinished_is_no_event_and_goes() {
    let (folder, kept) = kept();
    let place = folder.path().join("quarantine/karma");
    let id = add(&kept, "karma", "one", at(1));
    drop(kept);
    fs::write(place.join("1795519530002000.json.4.new"), "{\"id\"").unwrap();
    fs::write(place.join("README"), "by hand").unwrap();
    let kept = Kept::open(folder.path()).unwrap();
    assert_eq!(data(&kept, None), ["one"]);
    assert_eq!(files(&place), [format!("{id}.json"), "README".into()]);
    kept.quarantine().drop_all("karma").unwrap();
    assert_eq!(files(&place), ["README"], "what is not ours stays");
}

#[test]
fn a_name_is_no_way_out_of_the_quarantine() {
    let (folder, kept) = kept();
    let id = add(&kept, "karma", "one", at(1));
    let out = folder.path().join(format!("{id}.json"));
    fs::copy(folder.path().join("quarantine/karma").join(format!("{id}.json")), &out).unwrap();
    let quarantine = kept.quarantine();
    for name in ["..", "", ".", "a/b", "../quarantine/karma"] {
        assert_eq!(quarantine.add(name, &failed(&event("x"), at(2)), MOST), None, "{name}");
        assert_eq!((quarantine.list(Some(name)), quarantine.get(name, id)), (vec![], None));
        assert_eq!((quarantine.drop_all(name).unwrap(), quarantine.remove(name, id).unwrap()), (0, false));
    }
    assert!(out.exists());
}

#[test]
fn plugins_that_fail_at_once_each_keep_all_their_events() {
    let (_folder, kept) = kept();
    std::thread::scope(|scope| {
        for plugin in ["a", "a", "b", "b"] {
            let kept = &kept;
            scope.spawn(move || {
                for _ in 0..50 {
                    kept.quarantine().add(plugin, &failed(&event(plugin), at(0)), 1000).unwrap();
                    assert!(!kept.quarantine().list(None).is_empty());
                }
            });
        }
    });
    let mut ids: Vec<Id> = kept.quarantine().list(None).iter().map(|entry| entry.id).collect();
    ids.dedup();
    assert_eq!((kept.quarantine().count("a"), kept.quarantine().count("b"), ids.len()), (100, 100, 200));
}

fn any_event() -> impl Strategy<Value = Event> {
    (any::<(String, String, String)>(), option::of(any::<u64>()), option::of(any::<u64>()), any::<bool>()).prop_map(
        |((pipe, name, data), user_id, time, history)| Event {
            pipe: pipe.into(),
            name: name.into(),
            data,
            user_id,
            time,
            history,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn an_event_is_given_back_as_it_failed(
        event in any_event(),
        (version, reason) in any::<(String, String)>(),
        backtrace in vec(any::<String>(), 0..4),
        seconds in any::<u32>(),
    ) {
        let (_folder, kept) = kept();
        let at = UNIX_EPOCH + Duration::from_secs(seconds.into());
        let failed = Failed { version: &version, event: &event, reason: &reason, backtrace: &backtrace, at };
        let id = kept.quarantine().add("karma", &failed, MOST).unwrap();
        let entry = kept.quarantine().get("karma", id).unwrap();
        prop_assert_eq!((entry.id, entry.at_unix_ms), (id, u64::from(seconds) * 1000));
        prop_assert_eq!((entry.version, entry.reason, entry.backtrace), (version, reason, backtrace));
        prop_assert_eq!(Event::from(entry.event), event);
    }

    #[test]
    fn whatever_the_files_hold_the_rest_is_listed(
        rubbish in vec(vec(any::<u8>(), 0..40), 0..5),
        cut in 0.0..1.0,
        name in "[0-9a-z.]{0,20}",
    ) {
        let (folder, kept) = kept();
        let place = folder.path().join("quarantine/karma");
        let (whole, cut_short) = (add(&kept, "karma", "whole", at(0)), add(&kept, "karma", "cut short", at(0)));
        drop(kept);
        let path = place.join(format!("{cut_short}.json"));
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        fs::write(path, bytes).unwrap();
        for (number, bytes) in rubbish.iter().enumerate() {
            fs::write(place.join(format!("{number:016}.json")), bytes).unwrap();
        }
        fs::write(place.join(format!("x{name}")), "").unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        prop_assert_eq!(data(&kept, None), ["whole"]);
        prop_assert_eq!(kept.quarantine().count("karma"), rubbish.len() + 2);
        prop_assert!(kept.quarantine().get("karma", whole).is_some());
        let last = add(&kept, "karma", "last", at(0));
        prop_assert!(last > cut_short);
        prop_assert_eq!(kept.quarantine().drop_all("karma").unwrap(), rubbish.len() + 3);
    }

    #[test]
    fn the_latest_stay_whatever_the_order_of_the_clock(moments in vec(0..50_u64, 1..30), most in 1..5_usize, restarts in btree_set(0..30_usize, 0..4)) {
        let (folder, mut kept) = kept();
        let mut wanted = Vec::new();
        for (number, moment) in moments.into_iter().enumerate() {
            if restarts.contains(&number) {
                drop(kept);
                kept = Kept::open(folder.path()).unwrap();
            }
            kept.quarantine().add("karma", &failed(&event(&number.to_string()), at(moment)), most).unwrap();
            wanted.push(number.to_string());
        }
        let latest = wanted.split_off(wanted.len().saturating_sub(most));
        prop_assert_eq!(data(&kept, Some("karma")), latest);
    }
}
