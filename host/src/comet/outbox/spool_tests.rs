#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::VecDeque,
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::report::log_of;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("karma.sends");
    (folder, path)
}

fn append(spool: &mut Spool, sends: &[impl AsRef<[u8]>]) -> Result<(), SpoolError> {
    spool.append(sends.iter().map(AsRef::as_ref))
}

fn content(spool: &mut Spool) -> Vec<Vec<u8>> {
    let mut sends = Vec::new();
    let count = spool.read(|send| sends.push(send.to_vec())).unwrap();
    assert_eq!(count, sends.len());
    sends
}

fn reopened(path: &Path) -> Vec<Vec<u8>> {
    content(&mut Spool::open(path).unwrap())
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// A file as a kill leaves it: nothing is tidied up.
fn as_killed(spool: &Spool) -> Vec<u8> {
    fs::read(&spool.path).unwrap()
}

#[test]
fn what_was_put_in_is_there_after_a_restart_and_what_was_removed_is_not() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    assert!(spool.is_empty());
    append(&mut spool, &["one", "", "three"]).unwrap();
    append(&mut spool, &["four"]).unwrap();
    spool.remove(1).unwrap();
    assert_eq!(content(&mut spool), [&b""[..], b"three", b"four"]);
    drop(spool);
    let mut spool = Spool::open(&path).unwrap();
    assert!(!spool.is_empty());
    assert_eq!(content(&mut spool), [&b""[..], b"three", b"four"]);
    spool.remove(3).unwrap();
    assert!(spool.is_empty());
    drop(spool);
    assert!(reopened(&path).is_empty());
}

#[test]
fn a_batch_without_sends_is_none() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    append(&mut spool, &[""; 0]).unwrap();
    assert!(spool.is_empty());
    assert_eq!(length(&path), HEAD_BYTES);
}

#[test]
fn more_are_removed_than_there_are_and_nothing_else_happens() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    append(&mut spool, &["one"]).unwrap();
    spool.remove(7).unwrap();
    append(&mut spool, &["two"]).unwrap();
    assert_eq!(content(&mut spool), [b"two"]);
}

#[test]
fn an_emptied_file_is_short_and_holds_no_text_after_the_end() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    append(&mut spool, &vec![[7; 1000]; 100]).unwrap();
    spool.remove(99).unwrap();
    assert!(length(&path) > 100_000);
    spool.remove(1).unwrap();
    assert_eq!(length(&path), HEAD_BYTES, "it was long enough to be worth it");
    append(&mut spool, &["short"]).unwrap();
    spool.remove(1).unwrap();
    drop(spool);
    assert_eq!(length(&path), HEAD_BYTES);
}

#[test]
fn the_file_stays_in_proportion_to_what_is_in_it() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    let mut inside = VecDeque::new();
    for number in 0..5_000_u32 {
        let batch = [0_u32, 1].map(|part| [(number * 2 + part).to_le_bytes(); 512].concat());
        append(&mut spool, &batch).unwrap();
        inside.extend(batch);
        if inside.len() > 200 {
            spool.remove(2).unwrap();
            inside.drain(..2);
        }
        let live_bytes = inside.len() as u64 * 2100;
        assert!(length(&path) < 2 * live_bytes + COMPACT_BYTES + 10_000);
    }
    assert_eq!(content(&mut spool), Vec::from(inside.clone()));
    assert!(!beside(&path).exists());
    drop(spool);
    assert_eq!(reopened(&path), Vec::from(inside));
}

#[test]
fn a_file_that_cannot_be_made_smaller_goes_on_as_it_is() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    // Nothing can be written where a folder is.
    fs::create_dir(beside(&path)).unwrap();
    append(&mut spool, &["first"]).unwrap();
    let log = log_of(|| {
        for _ in 0..150 {
            append(&mut spool, &[[1; 60_000]]).unwrap();
            spool.remove(1).unwrap();
        }
    });
    assert!(length(&path) > 2 * COMPACT_BYTES);
    assert_eq!(log.matches("cannot be made smaller").count(), 2, "not tried again at once: {log}");
    assert_eq!(content(&mut spool), [[1; 60_000]]);
    fs::remove_dir(beside(&path)).unwrap();
    for _ in 0..150 {
        append(&mut spool, &[[2; 60_000]]).unwrap();
        spool.remove(1).unwrap();
    }
    assert!(length(&path) < 2 * COMPACT_BYTES, "it is tried again");
    assert_eq!(content(&mut spool), [[2; 60_000]]);
}

#[test]
fn two_cannot_have_the_same_file_even_after_it_was_compacted() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    let is_refused = || matches!(Spool::open(&path), Err(SpoolError::InUse { .. }));
    assert!(is_refused());
    append(&mut spool, &vec![[1; 60_000]; 80]).unwrap();
    append(&mut spool, &["last"]).unwrap();
    spool.remove(80).unwrap();
    assert!(length(&path) < 100, "compacted");
    assert!(is_refused());
    drop(spool);
    assert_eq!(reopened(&path), [b"last"]);
}

#[test]
fn a_process_that_is_just_being_started_does_not_keep_a_closed_file_locked() {
    let (_folder, path) = folder();
    let spool = Spool::open(&path).unwrap();
    // Such a process has the same open file.
    let inherited = spool.file.try_clone().unwrap();
    drop(spool);
    Spool::open(&path).unwrap();
    drop(inherited);
}

#[cfg(unix)]
#[test]
fn the_file_and_a_new_folder_are_their_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (folder, _) = folder();
    let path = folder.path().join("outbox/karma.sends");
    let mut spool = Spool::open(&path).unwrap();
    assert_eq!((rights(path.parent().unwrap()), rights(&path)), (0o700, 0o600));
    append(&mut spool, &vec![[1; 60_000]; 80]).unwrap();
    append(&mut spool, &["last"]).unwrap();
    spool.remove(80).unwrap();
    assert_eq!(rights(&path), 0o600, "compacted too");
}

#[test]
fn a_foreign_file_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    for foreign in ["hello, this is a letter to someone", "h", "cometbot spool 2 and what then comes"] {
        fs::write(&path, foreign).unwrap();
        assert!(matches!(Spool::open(&path), Err(SpoolError::Foreign { .. })), "{foreign}");
        assert_eq!(fs::read(&path).unwrap(), foreign.as_bytes());
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_and_a_file_in_the_place_of_the_folder_are_errors() {
    let (folder, path) = folder();
    assert!(matches!(Spool::open(folder.path()), Err(SpoolError::Unusable { .. })));
    fs::write(&path, "").unwrap();
    assert!(matches!(Spool::open(&path.join("karma.sends")), Err(SpoolError::NoFolder { .. })));
}

#[test]
fn a_file_that_someone_changes_while_it_is_open_is_not_read_as_if_it_were_whole() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    append(&mut spool, &["one"]).unwrap();
    append(&mut spool, &["two"]).unwrap();
    let mut bytes = as_killed(&spool);
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut sends = 0;
    assert!(matches!(spool.read(|_| sends += 1), Err(SpoolError::Changed { .. })));
    assert_eq!(sends, 1);
}

/// Batches of different sizes; the first two sends are removed. Gives the bytes, and all that was ever put in.
fn small_file() -> (Vec<u8>, Vec<Vec<u8>>) {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    let all: Vec<Vec<u8>> = (0..12_u8).map(|number| vec![b'a' + number; usize::from(number) * 2]).collect();
    for batch in [0..1, 1..4, 4..5, 5..9, 9..12] {
        append(&mut spool, &all[batch]).unwrap();
    }
    spool.remove(2).unwrap();
    (as_killed(&spool), all)
}

#[test]
fn a_file_cut_anywhere_gives_the_batches_that_are_whole() {
    let (bytes, all) = small_file();
    let (_folder, path) = folder();
    let mut counts = Vec::new();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let mut spool = Spool::open(&path).unwrap();
        let sends = content(&mut spool);
        assert_eq!(sends, all[2..][..sends.len()], "cut at {cut}");
        counts.push(sends.len());
        append(&mut spool, &["more"]).unwrap();
        drop(spool);
        assert_eq!(reopened(&path), [&all[2..][..sends.len()], &[b"more".to_vec()]].concat(), "cut at {cut}");
    }
    assert!(counts.is_sorted());
    counts.dedup();
    assert_eq!(counts, [0, 2, 3, 7, 10]);
}

#[test]
fn a_flipped_bit_anywhere_gives_no_send_that_was_not_put_in() {
    let (bytes, all) = small_file();
    let (_folder, path) = folder();
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        match Spool::open(&path) {
            Err(SpoolError::Foreign { .. }) => assert!(bit / 8 < MAGIC.len()),
            Err(error) => panic!("bit {bit}: {error}"),
            Ok(mut spool) => {
                let sends = content(&mut spool);
                if bit as u64 / 8 < HEAD_BYTES {
                    assert_eq!(sends, all, "bit {bit}: nobody knows which were answered");
                } else {
                    assert_eq!(sends, all[2..][..sends.len()], "bit {bit}");
                    assert!(sends.len() < 10, "bit {bit} is in a batch");
                }
            }
        }
    }
}

#[test]
fn a_batch_that_is_missing_in_the_middle_ends_the_file() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    let mut ends = vec![];
    for send in ["one", "two", "three"] {
        append(&mut spool, &[send]).unwrap();
        ends.push(as_killed(&spool).len());
    }
    let mut killed = as_killed(&spool);
    killed.drain(ends[0]..ends[1]);
    drop(spool);
    fs::write(&path, killed).unwrap();
    assert_eq!(reopened(&path), [b"one"]);
}

#[test]
fn what_is_cut_off_is_said() {
    let (mut bytes, _) = small_file();
    let (_folder, path) = folder();
    bytes.truncate(bytes.len() - 1);
    fs::write(&path, &bytes).unwrap();
    let mut spool = None;
    let log = log_of(|| spool = Some(Spool::open(&path).unwrap()));
    let lost_bytes = bytes.len() as u64 - length(&path);
    assert!(lost_bytes > 60, "the last batch");
    assert!(log.contains("karma.sends") && log.contains(&format!("the last {lost_bytes} bytes")), "{log}");
    drop(spool);
    assert_eq!(log_of(|| drop(Spool::open(&path).unwrap())), "", "it is whole now");
}

#[test]
fn a_file_that_was_emptied_and_killed_does_not_bring_back_what_had_gone() {
    let (_folder, path) = folder();
    let mut spool = Spool::open(&path).unwrap();
    append(&mut spool, &vec![[7; 1000]; 100]).unwrap();
    spool.remove(100).unwrap();
    append(&mut spool, &["one", "two"]).unwrap();
    let killed = as_killed(&spool);
    drop(spool);
    fs::write(&path, killed).unwrap();
    let mut spool = Spool::open(&path).unwrap();
    assert_eq!(content(&mut spool), [b"one", b"two"]);
    spool.remove(1).unwrap();
    drop(spool);
    assert_eq!(reopened(&path), [b"two"]);
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Vec<u8>>),
    Remove(usize),
    Reopen,
    /// The file is put back as it is now after the spool is gone.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let small = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20);
    let large =
        (1..30_usize, 40_000..65_536_usize, any::<u8>()).prop_map(|(count, size, byte)| vec![vec![byte; size]; count]);
    prop_oneof![
        8 => small.prop_map(Step::Append),
        2 => large.prop_map(Step::Append),
        8 => (0..40_usize).prop_map(Step::Remove),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn it_is_a_queue_whatever_happens_in_between(steps in proptest::collection::vec(step(), 1..80)) {
        let (_folder, path) = folder();
        let mut spool = Some(Spool::open(&path).unwrap());
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        for step in steps {
            let open = spool.as_mut().unwrap();
            match step {
                Step::Append(sends) => {
                    append(open, &sends).unwrap();
                    model.extend(sends);
                }
                Step::Remove(count) => {
                    open.remove(count).unwrap();
                    model.drain(..count.min(model.len()));
                }
                Step::Reopen => {
                    drop(spool.take());
                    spool = Some(Spool::open(&path).unwrap());
                }
                Step::Kill => {
                    let killed = as_killed(open);
                    drop(spool.take());
                    fs::write(&path, killed).unwrap();
                    spool = Some(Spool::open(&path).unwrap());
                }
            }
            let open = spool.as_mut().unwrap();
            prop_assert_eq!(open.is_empty(), model.is_empty());
            prop_assert!(content(open) == model.iter().cloned().collect::<Vec<_>>());
        }
    }
}

/// Tells a process that a test started which part it plays: the file to use.
const PART: &str = "COMETBOT_TEST_SPOOL";

/// Starts this program anew, to run `test` alone in the part of the child.
fn child(test: &str, path: &Path) -> Child {
    let module = module_path!().split_once("::").unwrap().1;
    // A file that grows too large is an error then and not a signal.
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{test}"), "--nocapture", "--test-threads=1"])
        .env(PART, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    out.write_all(format!("\nspool {line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// What the child said, as far as its lines are whole.
fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("spool ").map(str::to_owned))
}

fn numbered(number: u64) -> Vec<u8> {
    // Of different lengths, and so long that the file is compacted and emptied again and again.
    number.to_le_bytes().repeat(1 + usize::try_from(number * 7919 % 4000).unwrap())
}

#[cfg(unix)]
#[test]
fn what_was_reported_as_put_in_survives_a_kill_at_any_moment() {
    if let Some(path) = env::var_os(PART) {
        return put_in_and_remove(Path::new(&path));
    }
    let (_folder, path) = folder();
    let mut was_compacted = false;
    let inode = || fs::metadata(&path).map(|file| std::os::unix::fs::MetadataExt::ino(&file)).ok();
    for round in 0..25 {
        let before = inode();
        let mut child = child("what_was_reported_as_put_in_survives_a_kill_at_any_moment", &path);
        let mut said = said(&mut child);
        let mut reports: Vec<String> = said.by_ref().take(2 + rand::random_range(0..400)).collect();
        child.kill().unwrap();
        reports.extend(said);
        assert!(!child.wait().unwrap().success(), "it ended by itself");
        let last = |what: &str| {
            let mut found = reports.iter().rev().filter_map(|line| line.strip_prefix(what));
            found.next().and_then(|number| number.parse::<u64>().ok())
        };
        let (put_in, removed) = (last("in ").unwrap(), last("out ").unwrap());
        was_compacted |= before.is_some_and(|before| inode() != Some(before));

        let mut spool = Spool::open(&path).unwrap();
        assert!(!beside(&path).exists());
        let sends = content(&mut spool);
        // The first may not be known if all reported ones are gone.
        let first = sends.first().map_or(put_in.max(removed), |send| u64::from_le_bytes(*send.first_chunk().unwrap()));
        let end = first + sends.len() as u64;
        for (number, send) in (first..).zip(&sends) {
            assert!(*send == numbered(number), "round {round}: {number} is not what was put in");
        }
        assert!(first >= removed, "round {round}: {removed} were removed, but {first} is there");
        assert!(first <= removed + REMOVED_AT_ONCE, "round {round}: {first} is the first, {removed} were removed");
        assert!(end >= put_in, "round {round}: {put_in} were put in, there are those up to {end}");
    }
    assert!(was_compacted);
}

const REMOVED_AT_ONCE: u64 = 9;

/// Goes on where the file ends until it is killed: puts in and removes by turns, and reports each after it was done.
fn put_in_and_remove(path: &Path) {
    let mut spool = Spool::open(path).unwrap();
    let sends = content(&mut spool);
    let number = |send: &Vec<u8>| u64::from_le_bytes(*send.first_chunk().unwrap());
    let mut removed = sends.first().map_or(0, number);
    let mut put_in = removed + sends.len() as u64;
    say(&format!("in {put_in}"));
    say(&format!("out {removed}"));
    loop {
        let batch: Vec<_> = (put_in..put_in + rand::random_range(1..9)).map(numbered).collect();
        append(&mut spool, &batch).unwrap();
        put_in += batch.len() as u64;
        say(&format!("in {put_in}"));
        // One stays, so that the next run knows where to go on.
        let count = rand::random_range(1..=REMOVED_AT_ONCE).min(put_in - removed - 1);
        spool.remove(usize::try_from(count).unwrap()).unwrap();
        removed += count;
        say(&format!("out {removed}"));
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_keeps_nothing_of_a_batch_and_the_next_is_kept_when_there_is_room() {
    if let Some(path) = env::var_os(PART) {
        return fill_the_disk(Path::new(&path));
    }
    let (_folder, path) = folder();
    let mut child = child("a_full_disk_keeps_nothing_of_a_batch_and_the_next_is_kept_when_there_is_room", &path);
    let said: Vec<_> = said(&mut child).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(said, ["done"]);
    assert_eq!(reopened(&path), [b"later", b"after"]);
}

/// The limit on the size of files cuts a write short, as a full disk does.
fn fill_the_disk(path: &Path) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let disk = |bytes| {
        let maximum = getrlimit(Resource::Fsize).maximum;
        setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum }).unwrap();
    };
    let mut spool = Spool::open(path).unwrap();
    append(&mut spool, &["first", "second"]).unwrap();
    let before = as_killed(&spool);

    disk(before.len() as u64 + 100);
    for _ in 0..3 {
        let error = append(&mut spool, &[[1; 90], [2; 90]]).unwrap_err();
        assert!(matches!(error, SpoolError::NotWritten { .. }), "{error}");
        assert_eq!(as_killed(&spool), before, "nothing of it is left");
    }
    append(&mut spool, &["third"]).unwrap();
    assert_eq!(content(&mut spool), [&b"first"[..], b"second", b"third"]);
    append(&mut spool, &[[3; 90]]).unwrap_err();
    // Overwrites the head, which needs no room.
    spool.remove(1).unwrap();

    disk(1 << 20);
    append(&mut spool, &["later"]).unwrap();
    assert_eq!(content(&mut spool), [&b"second"[..], b"third", b"later"]);
    // One that is in the file, and five of the six that are not.
    spool.remove(6).unwrap();
    assert_eq!(content(&mut spool), [&b"third"[..], b"later"]);
    spool.remove(2).unwrap();
    assert_eq!(content(&mut spool), [b"later"], "the sixth and the third");
    // The last that is not in the file, which is before the one that is.
    assert!(!spool.is_empty());
    spool.remove(1).unwrap();
    assert_eq!(content(&mut spool), [b"later"]);
    append(&mut spool, &["after"]).unwrap();
    drop(spool);
    say("done");
}
