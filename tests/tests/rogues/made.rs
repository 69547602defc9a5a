//! Rogues that are too large to be kept.

use std::fmt::Write as _;

/// The end of every plugin's exports: it hears nothing, and does nothing.
const EXPORTS: &str = r#"(memory (export "memory") 1)
(func (export "setup") (result i32) (i32.const 0x20))
(func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x1000))"#;

/// The types of the contract, and its exports out of the core module `$plugin`.
const COMPONENT: &str = r#"
(core instance $plugin (instantiate $plugin))
(type $event' (record
  (field "pipe" string) (field "name" string) (field "data" string)
  (field "user-id" (option u64)) (field "time" (option u64)) (field "history" bool)))
(export $event "event" (type $event'))
(type $hearing' (record (field "pipe" string) (field "events" (list string))))
(export $hearing "hearing" (type $hearing'))
(type $wants' (record
  (field "version" string) (field "hear" (list $hearing))
  (field "send" (list string)) (field "log" (list string)) (field "count" (list string))))
(export $wants "wants" (type $wants'))
(func $setup (result (result $wants (error string)))
  (canon lift (core func $plugin "setup") (memory (core memory $plugin "memory"))))
(export "setup" (func $setup))
(func $handle (param "event" $event) (result (result (error string)))
  (canon lift (core func $plugin "handle") (memory (core memory $plugin "memory"))
    (realloc (core func $plugin "cabi_realloc"))))
(export "handle" (func $handle))"#;

/// A gibibyte, as the length of a segment.
const DATA_BYTES: u32 = 1 << 30;

/// A module with so many functions besides its own.
pub fn module_of_functions(functions: usize) -> String {
    let mut text = format!("(module {EXPORTS}\n");
    for number in 0..functions {
        let _ = writeln!(text, "(func (param i32) (result i32) (i32.mul (local.get 0) (i32.const {number})))");
    }
    text.push(')');
    text
}

/// A component that makes so many instances of an empty module besides its own.
pub fn component_of_instances(instances: usize) -> String {
    let mut text = format!("(component (core module $plugin {EXPORTS}) {COMPONENT}\n(core module $empty)\n");
    for _ in 0..instances {
        text.push_str("(core instance (instantiate $empty))\n");
    }
    text.push(')');
    text
}

/// A module whose last section is said to have a gibibyte of data, up to where they begin. Zeros are as good as any.
pub fn beginning_of_data() -> Vec<u8> {
    let mut module = wat::parse_str(format!("(module {EXPORTS})")).unwrap();
    // One segment, in memory 0 from the address 0 on.
    let mut section = vec![1, 0, 0x41, 0, 0x0b];
    section.extend(leb128(DATA_BYTES));
    module.push(11);
    module.extend(leb128(DATA_BYTES + u32::try_from(section.len()).unwrap()));
    module.extend(section);
    module
}

/// How long the module is that begins like this.
pub fn end_of_data(beginning: &[u8]) -> u64 {
    u64::try_from(beginning.len()).unwrap() + u64::from(DATA_BYTES)
}

fn leb128(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
