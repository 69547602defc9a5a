;; Traps when it is asked what it wants.
;; Must happen: it is not started.
(module
  (memory (export "memory") 1)
  (func (export "setup") (result i32)
    (unreachable))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
