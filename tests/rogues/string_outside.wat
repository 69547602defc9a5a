;; Sends a text that lies outside of its memory.
;; Must happen: the call is ended, and the log names the function.
(module
  (import "cometbot:plugin/comet@1.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue and sends to it.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00" "\60\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x60) "\68\00\00\00" "\09\00\00\00" "web_rogue")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (call $send (i32.const 0x68) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0x7fffff00) (i32.const 64) (i32.const 0x100))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
