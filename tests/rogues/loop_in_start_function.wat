;; Loops without an end before it has even begun.
;; Must happen: it is stopped after its time to start, and is not started. As a new version it replaces nothing.
(module
  (memory (export "memory") 1)
  (func $begin
    (loop $again (br $again)))
  (start $begin)
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
