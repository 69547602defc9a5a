;; Refuses to run, in 1 MiB of terminal escapes.
;; Must happen: what the log shows of its words is short and harmless.
(module
  (memory (export "memory") 32)
  (data (i32.const 0x80) "\01\00\00\00" "\00\00\01\00" "\00\00\10\00")
  (data (i32.const 0x10000) "\1b[31mred\0a")
  (func (export "setup") (result i32)
    (memory.fill (i32.const 0x10009) (i32.const 0x1b) (i32.const 0xffff7))
    (i32.const 0x80))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
