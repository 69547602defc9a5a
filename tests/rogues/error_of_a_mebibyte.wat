;; Fails on every event, in 1 MiB of terminal escapes.
;; Must happen: what the log shows of its words is short and harmless.
(module
  (memory (export "memory") 32)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (data (i32.const 0x80) "\01\00\00\00" "\00\00\01\00" "\00\00\10\00")
  (data (i32.const 0x10000) "\1b[31mred\0a")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (memory.fill (i32.const 0x10009) (i32.const 0x1b) (i32.const 0xffff7))
    (return (i32.const 0x80))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
