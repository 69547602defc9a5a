;; Has a memory of 1 GiB from the start, and data at its end.
;; Must happen: it is refused.
(module
  (memory (export "memory") 16384)
  (data (i32.const 0x3ffffff0) "at the very end")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
