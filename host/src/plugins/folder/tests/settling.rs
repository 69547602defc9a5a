//! When changes are over, with made-up files and a made-up clock.

use super::*;

/// A folder with made-up files, at a made-up time.
struct Scene {
    settle: Settle,
    files: BTreeMap<PathBuf, State>,
    began: Instant,
    milliseconds: u64,
}

impl Scene {
    /// With one file that has settled.
    fn with(file: &str, state: State) -> Self {
        let files = BTreeMap::from([(PathBuf::from(file), state)]);
        let mut settle = Settle::default();
        settle.look_now(files.clone());
        Self { settle, files, began: Instant::now(), milliseconds: 0 }
    }

    fn now(&self) -> Instant {
        self.began + Duration::from_millis(self.milliseconds)
    }

    fn put(&mut self, file: &str, state: State) {
        self.files.insert(file.into(), state);
    }

    fn take_away(&mut self, file: &str) -> State {
        self.files.remove(Path::new(file)).unwrap()
    }

    fn stir(&mut self, file: &str, word: Word) {
        let (stir, state) = (Stir { at: self.now(), word }, self.files.get(Path::new(file)).cloned());
        self.settle.stir(file.into(), stir, state);
    }

    fn look(&mut self) -> Vec<PathBuf> {
        let now = self.now();
        self.settle.look(&self.files, now).into_iter().collect()
    }

    /// Lets time pass and looks whenever it is due. Gives the files of which the change is over, with the time.
    fn pass(&mut self, milliseconds: u64) -> Vec<(u64, String)> {
        let end = self.milliseconds + milliseconds;
        let mut over = Vec::new();
        while let Some(due) = self.settle.due().map(|due| due.saturating_duration_since(self.began)) {
            let due = u64::try_from(due.as_millis()).unwrap().max(self.milliseconds);
            if due > end {
                break;
            }
            self.milliseconds = due;
            over.extend(self.look().into_iter().map(|path| (due, path.display().to_string())));
            assert!(
                self.settle.due() > Some(self.now()) || self.settle.due().is_none(),
                "it would look without an end"
            );
        }
        self.milliseconds = end;
        over
    }
}

const A: &str = "a.wasm";
const B: &str = "b.wasm";

fn over(at: u64, file: &str) -> (u64, String) {
    (at, file.to_owned())
}

#[test]
fn a_file_that_is_closed_or_renamed_is_over_after_10_ms() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(A, state(1, 2, 2));
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(10, A)]);
    assert_eq!(scene.pass(10_000), []);
}

#[test]
fn times_and_modes_set_after_closing_start_the_10_ms_anew_and_no_more() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(A, state(2, 1, 2));
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(5), []);
    scene.put(A, state(2, 1, 3));
    scene.stir(A, Word::Touched);
    assert_eq!(scene.pass(1_000), [over(15, A)]);
}

#[test]
fn a_file_that_is_open_is_waited_for_until_it_is_closed() {
    let mut scene = Scene::with(A, state(9, 1, 1));
    for change in 2..10 {
        scene.put(A, state(9, 1, change));
        scene.stir(A, Word::Open);
        assert_eq!(scene.pass(150), [], "a pause of 150 ms");
    }
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(1_210, A)]);
}

#[test]
fn a_file_that_stays_open_is_taken_after_a_second_without_a_write_and_again_when_it_is_closed() {
    let mut scene = Scene::with(A, state(9, 1, 1));
    scene.put(A, state(4, 1, 2));
    scene.stir(A, Word::Open);
    assert_eq!(scene.pass(1_500), [over(1_000, A)]);
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(1_510, A)], "it looks the same and was reported all the same");
}

#[test]
fn a_file_of_which_the_system_says_nothing_is_over_when_two_looks_100_ms_apart_see_the_same() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(A, state(2, 1, 2));
    assert_eq!(scene.look(), Vec::<PathBuf>::new());
    scene.milliseconds = 99;
    scene.put(A, state(3, 1, 3));
    assert_eq!(scene.pass(1_000), [over(200, A)], "seen to differ at 100");
}

#[test]
fn a_new_name_for_a_file_is_over_after_100_ms() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(B, state(1, 1, 2));
    scene.stir(B, Word::Changed);
    assert_eq!(scene.pass(1_000), [over(100, B)]);
}

#[test]
fn an_empty_file_is_given_a_second_to_be_filled() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(B, state(0, 2, 1));
    scene.stir(B, Word::Changed);
    assert_eq!(scene.pass(999), []);
    scene.put(B, state(5, 2, 2));
    scene.stir(B, Word::Open);
    scene.stir(B, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(1_009, B)]);
}

#[test]
fn a_file_that_is_written_without_an_end_is_taken_every_2_s_and_when_it_ends() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    let mut all = Vec::new();
    for change in 0..100_u32 {
        scene.put(A, state(1, 1, i64::from(change) + 2));
        scene.stir(A, Word::Open);
        all.extend(scene.pass(50));
    }
    scene.stir(A, Word::Whole);
    all.extend(scene.pass(10_000));
    assert_eq!(all, [over(2_000, A), over(4_000, A), over(5_010, A)]);
}

#[test]
fn no_file_waits_for_another() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(A, state(1, 1, 2));
    scene.stir(A, Word::Open);
    scene.pass(20);
    scene.put(B, state(1, 2, 1));
    scene.stir(B, Word::Whole);
    assert_eq!(scene.pass(2_000), [over(30, B), over(1_000, A)]);
}

#[test]
fn a_file_that_is_gone_for_less_than_300_ms_is_not_removed() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.take_away(A);
    scene.stir(A, Word::Gone);
    assert_eq!(scene.pass(299), []);
    scene.put(A, state(1, 2, 2));
    scene.stir(A, Word::Changed);
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(309, A)]);
    assert!(scene.settle.files().eq([Path::new(A)]));
    scene.take_away(A);
    scene.stir(A, Word::Gone);
    let gone_at = scene.milliseconds;
    assert_eq!(scene.pass(1_000), [over(gone_at + 300, A)]);
    assert_eq!(scene.settle.files().count(), 0);
}

#[test]
fn a_file_that_comes_and_goes_without_an_end_is_not_removed() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    for change in 0..50 {
        scene.take_away(A);
        scene.stir(A, Word::Gone);
        scene.pass(100);
        scene.put(A, state(1, change, 2));
        scene.stir(A, Word::Changed);
        scene.pass(50);
        assert!(scene.settle.files().eq([Path::new(A)]));
    }
}

#[test]
fn a_file_with_a_new_name_is_not_there_twice() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    let file = scene.take_away(A);
    scene.put(B, file);
    scene.stir(A, Word::Gone);
    scene.stir(B, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(10, A), over(10, B)]);
}

#[test]
fn a_file_with_two_names_that_loses_one_is_given_its_300_ms() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.put(B, state(1, 1, 1));
    scene.settle.look_now(scene.files.clone());
    scene.take_away(A);
    scene.stir(A, Word::Gone);
    scene.stir(B, Word::Touched);
    assert_eq!(scene.pass(1_000), [over(100, B), over(300, A)]);
}

#[test]
fn a_file_that_is_to_be_reported_later_is_reported_when_it_changes_before() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    let later = |scene: &mut Scene| {
        let (at, state) = (scene.now() + Duration::from_secs(2), scene.files.get(Path::new(A)).cloned());
        scene.settle.stir_later(A.into(), at, state);
    };
    later(&mut scene);
    assert_eq!(scene.pass(5_000), [over(2_010, A)]);
    later(&mut scene);
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(5_000), [over(5_010, A)]);
    scene.stir(A, Word::Whole);
    later(&mut scene);
    assert_eq!(scene.pass(5_000), [over(10_010, A)]);
}

#[test]
fn a_file_that_is_back_as_it_was_without_a_report_has_not_changed() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    let file = scene.take_away(A);
    assert_eq!(scene.look(), Vec::<PathBuf>::new());
    scene.put(A, file);
    assert_eq!(scene.pass(1_000), []);
}

#[test]
fn a_file_that_was_never_taken_and_is_gone_again_is_no_change() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.stir(B, Word::Open);
    scene.stir(B, Word::Gone);
    assert_eq!(scene.pass(1_000), []);
}

#[test]
fn a_rewrite_that_leaves_no_mark_is_a_change_when_it_is_reported() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.stir(A, Word::Open);
    scene.stir(A, Word::Whole);
    assert_eq!(scene.pass(1_000), [over(10, A)]);
}

#[test]
fn a_look_that_does_not_wait_gives_all_that_differs_once() {
    let mut scene = Scene::with(A, state(1, 1, 1));
    scene.settle.look_now(BTreeMap::from([(A.into(), state(1, 1, 1)), (B.into(), state(1, 2, 1))]));
    scene.put("c.wasm", state(0, 3, 1));
    scene.stir("c.wasm", Word::Open);
    scene.stir(A, Word::Open);
    let files = scene.files.clone();
    let now: Vec<PathBuf> = scene.settle.look_now(files).into_iter().collect();
    assert_eq!(now, ["a.wasm", "b.wasm", "c.wasm"].map(PathBuf::from), "one stirred, one gone, one new");
    assert_eq!(scene.pass(10_000), []);
}

/// Every order of four reports of one file ends with the last state reported, and within the time of the last word.
#[test]
fn every_order_of_reports_ends_with_the_last_state() {
    const WORDS: [Word; 5] = [Word::Whole, Word::Open, Word::Changed, Word::Touched, Word::Gone];
    const GAPS: [u64; 4] = [0, 9, 99, 320];
    let steps: Vec<(Word, u64)> = WORDS.iter().flat_map(|word| GAPS.map(|gap| (*word, gap))).collect();
    for order in 0..steps.len().pow(4) {
        let mut scene = Scene::with(A, state(1, 1, 0));
        let mut reported = Some(state(1, 1, 0));
        let mut note = |scene: &Scene, over: &[(u64, String)]| {
            if let Some((at, _)) = over.last() {
                assert!(*at <= scene.milliseconds);
                reported = scene.files.get(Path::new(A)).cloned();
            }
        };
        let mut last = Word::Changed;
        for step in 0..4 {
            let (word, gap) = steps[order / steps.len().pow(step) % steps.len()];
            last = if step == 0 { word } else { last.then(word) };
            match word {
                Word::Gone => drop(scene.files.remove(Path::new(A))),
                _ => scene.put(A, state(1, 1, i64::from(step) + 1)),
            }
            scene.stir(A, word);
            let over = scene.pass(gap);
            note(&scene, &over);
        }
        let over = scene.pass(1_000);
        note(&scene, &over);
        assert_eq!(reported, scene.files.get(Path::new(A)).cloned(), "order {order}");
        assert_eq!(scene.settle.due(), None);
    }
}
