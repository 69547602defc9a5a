;; Goes to sleep for a year when it is asked what it wants.
;; Must happen: it is stopped after the time that a start may wait, and is not started.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  ;; The one subscription: the monotonic clock, 365 days from now.
  (data (i32.const 0x210) "\01")
  (data (i32.const 0x218) "\00\00\a3\2d\d3\09\70\00")
  (func (export "setup") (result i32)
    (drop (call $poll (i32.const 0x200) (i32.const 0x300) (i32.const 1) (i32.const 0x400)))
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (global $free (mut i32) (i32.const 0x1000))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $free)
    (global.set $free
      (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 15)) (i32.const -16)))))
