;; Calls the host when it is only to clean up.
;; Must happen: the call is ended, and the log says what must not be.
(module
  (import "cometbot:plugin/comet@1.1.0" "count" (func $count (param i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000))
  (func (export "cabi_post_handle") (param i32)
    (call $count (i32.const 0x68) (i32.const 9) (i32.const 0x100))))
