;; Has the same room for everything, at the address 0, and says what it found in there.
;; Must happen: it sees its own mess, and nobody else does.
(module
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (data (i32.const 0x80) "\01")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    ;; Fails with the name of the pipe as its words.
    (i32.store (i32.const 0x84) (local.get 0))
    (i32.store (i32.const 0x88) (local.get 1))
    (i32.const 0x80))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0)))
