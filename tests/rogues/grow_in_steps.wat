;; Takes all the memory that it can get, a mebibyte at a time, and writes into it.
;; Must happen: beyond its limit it gets none, and its trap is explained by that.
(module
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (local $at i32)
    (loop $more
      (local.set $at (i32.shl (memory.size) (i32.const 16)))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
      (memory.fill (local.get $at) (i32.const 0xff) (i32.const 0x100000))
      (br $more))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
