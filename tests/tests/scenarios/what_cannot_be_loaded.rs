//! Everything that people take for a plugin and is none gives one sentence: what it is, what is missing, what to do.

use cometbot_tests::{Home, Plugin, example};

/// Lets `cometbot check` look at a file in the folder, and wants all `words` in the one line that names it.
async fn check(file: &str, bytes: impl AsRef<[u8]>, words: &[&str]) {
    let home = Home::new().plugin(file, bytes);
    let ended = home.run(["check"]).await;
    let name = file.split_once('.').unwrap().0;
    let line =
        ended.out.split_once(&format!("\n{name}: ")).unwrap_or_else(|| panic!("no line for {name}: {ended:?}")).1;
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("one plugin would not run"), "{}", ended.err);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

/// Lets `cometbot check` look at several files at once, and wants all the words in the line that names each.
pub async fn check_each(cases: &[(Vec<u8>, &[&str])]) {
    let name = |number: usize| format!("case{number}");
    let mut home = Home::new();
    for (number, (bytes, _)) in cases.iter().enumerate() {
        home = home.plugin(&format!("{}.wasm", name(number)), bytes);
    }
    let ended = home.run(["check"]).await;
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    for (number, (_, words)) in cases.iter().enumerate() {
        let start = format!("{}: ", name(number));
        let line = ended.out.lines().find_map(|line| line.strip_prefix(&start));
        let line = line.unwrap_or_else(|| panic!("no line for {start}{words:?}: {ended:?}"));
        for word in *words {
            assert!(line.contains(word), "`{word}` is not in: {line}");
        }
    }
}

/// The plugin of the builder, with one line of its text taken out or changed.
pub fn without(line: &str, instead: &str) -> Vec<u8> {
    let text = Plugin::new().text();
    assert!(text.contains(line), "{text}");
    wat::parse_str(text.replace(line, instead)).unwrap()
}

#[tokio::test]
async fn an_empty_file() {
    check("it.wasm", "", &["it is an empty file, not WebAssembly", "build the plugin"]).await;
    check("it.wat", "", &["it is an empty file, not WebAssembly", "build the plugin"]).await;
}

#[tokio::test]
async fn a_text_file() {
    check("it.wasm", "hello, I am a plugin", &["it is a text file, not WebAssembly", "build the plugin"]).await;
}

#[tokio::test]
async fn some_other_binary() {
    check("it.wasm", b"\x7fELF\x02\x01\x01\xff\xfe", &["it is some other binary file", "build the plugin"]).await;
}

#[tokio::test]
async fn a_binary_that_breaks_off() {
    let whole = Plugin::new().binary();
    for length in [4, 6, 9, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        check("it.wasm", &whole[..length], &["damaged or unfinished", "build or copy it again"]).await;
    }
}

#[tokio::test]
async fn a_component_that_breaks_off() {
    let typed = example("online.wasm");
    let whole = wit_component::ComponentEncoder::default().module(&typed).unwrap().encode().unwrap();
    check("it.wasm", &whole[..whole.len() / 2], &["damaged or unfinished", "build or copy it again"]).await;
}

#[tokio::test]
async fn an_empty_module() {
    check("it.wat", "(module)", &["it is a core module without the export `setup`"]).await;
}

#[tokio::test]
async fn a_text_with_a_mistake_is_shown_with_its_line() {
    let text = "(module\n  (func $good)\n  (func $bad (i32.cosnt 1)))\n";
    check("it.wat", text, &["its text does not assemble", "i32.cosnt", ":3:"]).await;
}

#[tokio::test]
async fn a_module_that_assembles_and_is_not_valid() {
    let text = Plugin::new().function("(func $wrong (result i32) (i64.const 1))").text();
    check("it.wat", text, &["not valid", "type mismatch"]).await;
}

#[tokio::test]
async fn a_component_without_the_exports() {
    let words = ["it is a component without the export `setup`", "cometbot:plugin/plugin@1.1.0"];
    check("it.wasm", b"\0asm\x0d\0\x01\0", &words).await;
    check("it.wat", "(component)", &words).await;
}

#[tokio::test]
async fn a_component_that_exports_something_else_by_these_names() {
    let component = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (export "setup" (func $f))
        (export "handle" (func $f)))"#;
    check("it.wat", component, &["export `setup` does not have the type of the contract"]).await;
}

#[tokio::test]
async fn a_module_with_more_memory_than_it_may_have() {
    let greedy = without("(memory (export \"memory\") 4)", "(memory (export \"memory\") 20000)");
    check("it.wasm", greedy, &["memory"]).await;
}

#[tokio::test]
async fn several_files_are_told_apart_and_counted() {
    let home = Home::new()
        .plugin("good.wat", Plugin::answering("web_chat", "echo").text())
        .plugin("empty.wat", "")
        .plugin("text.wasm", "hello");
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("2 plugins would not run"), "{}", ended.err);
    for line in ["good ", "empty: it is an empty file", "text: it is a text file"] {
        assert!(ended.out.lines().any(|shown| shown.starts_with(line)), "{line}: {}", ended.out);
    }
}
