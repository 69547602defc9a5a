;; Writes eight mebibytes to its standard output for each event, and never ends a line.
;; Must happen: little of it reaches the log, in lines of a bounded length, and the log says that there was more.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  ;; What is written: the 4 KiB at 0x50000.
  (data (i32.const 0x200) "\00\00\05\00" "\00\10\00\00")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (local $left i32)
    (memory.fill (i32.const 0x50000) (i32.const 0x78) (i32.const 0x1000))
    (local.set $left (i32.const 2048))
    (loop $more
      (drop (call $write (i32.const 1) (i32.const 0x200) (i32.const 1) (i32.const 0x300)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (i32.const 0))
  (global $free (mut i32) (i32.const 0x1000))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $free)
    (global.set $free
      (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 15)) (i32.const -16)))))
