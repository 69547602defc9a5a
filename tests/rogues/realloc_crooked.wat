;; Has room for a list that is not aligned.
;; Must happen: the call is ended, and the log names the allocator.
(module
  (import "wasi:config/store@0.2.0-rc.1" "get-all" (func $get_all (param i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (call $get_all (i32.const 0x100))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1001)))
