;; Takes a pipe where an event is given.
;; Must happen: it is refused, and the log says what `handle` has to be.
(module
  (memory (export "memory") 1)
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
