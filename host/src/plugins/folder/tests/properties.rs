//! Whatever is done to files, and whether or not the system reports it: the last state is reported, in time.

use proptest::prelude::*;

use super::*;

/// What can be done to a file.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Part of a write in place.
    Write,
    /// A write in place of which the system says nothing, whether it says anything of others or not.
    WriteUnseen,
    /// A write that leaves size and times as they were, because it falls into the same tick.
    WriteInTick,
    Close,
    RenameOver,
    Touch,
    Remove,
}

#[derive(Debug, Clone)]
struct Step {
    after_ms: u64,
    file: usize,
    act: Act,
    /// How long the system takes to report it.
    report_after_ms: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let act = prop_oneof![
        4 => Just(Act::Write),
        1 => Just(Act::WriteUnseen),
        1 => Just(Act::WriteInTick),
        3 => Just(Act::Close),
        3 => Just(Act::RenameOver),
        1 => Just(Act::Touch),
        3 => Just(Act::Remove),
    ];
    let after = prop_oneof![0..5_u64, 0..50_u64, 0..400_u64, 0..2_500_u64];
    let step = (after, 0..3_usize, act, 0..=REPORT_AT_MOST_MS);
    let step = step.prop_map(|(after_ms, file, act, report_after_ms)| Step { after_ms, file, act, report_after_ms });
    proptest::collection::vec(step, 0..40)
}

const REPORT_AT_MOST_MS: u64 = 3;
const LOOK_EVERY_MS: u64 = 2_000;
const CAP_MS: u64 = 2_000;
const GRACE_MS: u64 = 300;
const WHOLE_MS: u64 = 10;

/// A made-up file, what is known of it, and since when.
#[derive(Debug, Default, Clone)]
struct File {
    /// None if it is not there. The number stands for the content.
    disk: Option<(State, u64)>,
    reported: Option<u64>,
    /// Since when it has been there, or has not.
    there_since: u64,
    /// Since when the content has not been the reported one.
    differs_since: Option<u64>,
    /// Whether everything that was done to it was reported. Otherwise it may have been back between two looks.
    is_all_seen: bool,
    /// When the system knew it to be whole, if nothing was done to it since.
    whole_at: Option<u64>,
}

impl File {
    fn content(&self) -> Option<u64> {
        self.disk.as_ref().map(|(_, content)| *content)
    }

    fn note(&mut self, now: u64) {
        if self.content() == self.reported {
            self.differs_since = None;
        } else {
            self.differs_since.get_or_insert(now);
        }
    }

    /// Does it, and gives what the system would say.
    fn act(&mut self, act: Act, now: u64, number: u64, inode_of_new: u64) -> Option<Word> {
        let was_there = self.disk.is_some();
        let change = i64::try_from(number).unwrap();
        let inode = self.disk.as_ref().and_then(|(state, _)| state.inode()).map_or(inode_of_new, |(_, inode)| inode);
        self.whole_at = None;
        self.is_all_seen &= !matches!(act, Act::WriteUnseen);
        let word = match (act, &mut self.disk) {
            (Act::Write | Act::WriteUnseen, disk) => {
                *disk = Some((state(number % 3, inode, change), number));
                matches!(act, Act::Write).then_some(Word::Open)
            }
            (Act::WriteInTick, Some((_, content))) => {
                *content = number;
                Some(Word::Open)
            }
            (Act::Close, Some(_)) => Some(Word::Whole),
            (Act::RenameOver, disk) => {
                *disk = Some((state(1, inode_of_new, change), number));
                Some(Word::Whole)
            }
            (Act::Touch, Some((before, content))) => {
                let bytes = if before.is_empty() { 0 } else { 1 };
                self.disk = Some((state(bytes, inode, change), *content));
                Some(Word::Touched)
            }
            (Act::Remove, disk) => {
                *disk = None;
                was_there.then_some(Word::Gone)
            }
            (Act::WriteInTick | Act::Close | Act::Touch, None) => None,
        };
        if self.disk.is_some() != was_there {
            self.there_since = now;
        }
        if word == Some(Word::Whole) {
            self.whole_at = Some(now);
        }
        self.note(now);
        word
    }
}

fn check(steps: &[Step], is_reporting: bool) -> Result<(), TestCaseError> {
    let began = Instant::now();
    let at = |milliseconds| began + Duration::from_millis(milliseconds);
    let names = ["a.wasm", "b.wasm", "c.wasm"].map(PathBuf::from);
    let mut files = [(); 3].map(|()| File { is_all_seen: is_reporting, ..File::default() });
    let mut settle = Settle::default();
    let mut reports: Vec<(u64, usize, Word)> = Vec::new();
    let mut steps = steps.iter().enumerate().peekable();
    let (mut next_step_at, mut end) = (steps.peek().map_or(0, |(_, step)| step.after_ms), None);
    for now in 0.. {
        while let Some((number, step)) = steps.next_if(|_| next_step_at <= now) {
            let number = u64::try_from(number).unwrap() + 1;
            // Where nothing is reported, nobody can know of it.
            let act = if is_reporting || !matches!(step.act, Act::WriteInTick) { step.act } else { Act::Write };
            let word = files[step.file].act(act, now, number, 1_000 + number);
            if let Some(word) = word.filter(|_| is_reporting) {
                // Reports of one folder keep their order.
                let earliest = reports.last().map_or(0, |(at, _, _)| *at);
                reports.push(((now + step.report_after_ms).max(earliest), step.file, word));
            }
            next_step_at = now + steps.peek().map_or(0, |(_, step)| step.after_ms);
        }
        if steps.peek().is_none() {
            end.get_or_insert(now + LOOK_EVERY_MS + CAP_MS + GRACE_MS);
        }
        for (_, file, word) in reports.extract_if(.., |(at, _, _)| *at <= now) {
            let state = files[file].disk.as_ref().map(|(state, _)| state.clone());
            settle.stir(names[file].clone(), Stir { at: at(now), word }, state);
        }
        if now % LOOK_EVERY_MS == 0 || settle.due().is_some_and(|due| due <= at(now)) {
            let there = names.iter().zip(&files).filter_map(|(name, file)| {
                let (state, _) = file.disk.as_ref()?;
                Some((name.clone(), state.clone()))
            });
            for path in settle.look(&there.collect(), at(now)) {
                let file = &mut files[names.iter().position(|name| *name == path).unwrap()];
                if file.disk.is_none() && file.is_all_seen {
                    prop_assert!(now >= file.there_since + GRACE_MS, "removed at {now}: {file:?}");
                }
                file.reported = file.content();
                file.note(now);
            }
            prop_assert!(settle.due().is_none_or(|due| due > at(now)), "it would look without an end at {now}");
        }
        for file in &files {
            // A file that is whole is reported at once.
            if let Some(whole_at) = file.whole_at.filter(|_| is_reporting)
                && now >= whole_at + REPORT_AT_MOST_MS + WHOLE_MS
            {
                prop_assert_eq!(file.content(), file.reported, "whole since {}, now {}: {:?}", whole_at, now, file);
            }
            // And one that is written without an end in time.
            if let (Some(since), Some(_)) = (file.differs_since, &file.disk) {
                let since = since.max(file.there_since);
                prop_assert!(now <= since + LOOK_EVERY_MS + CAP_MS, "differs since {since}, now {now}: {file:?}");
            }
        }
        if end.is_some_and(|end| now >= end) {
            break;
        }
    }
    for file in &files {
        prop_assert_eq!(file.content(), file.reported, "{:?}", file);
    }
    prop_assert_eq!(settle.due(), None);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_last_state_of_every_file_is_reported_in_time(steps in steps(), is_reporting in any::<bool>()) {
        check(&steps, is_reporting)?;
    }
}
