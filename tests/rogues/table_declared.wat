;; Has a table of ten million elements from the start.
;; Must happen: it is refused.
(module
  (memory (export "memory") 1)
  (table 10000000 funcref)
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
