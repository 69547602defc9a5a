;; Fails with words that are the very numbers that say where they are, and gives `send` three texts that overlap each
;; other and the place of its answer.
;; Must happen: that is allowed, and shown harmless.
(module
  (import "cometbot:plugin/comet@1.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue and sends to it.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00" "\60\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x60) "\68\00\00\00" "\09\00\00\00" "web_rogue")
  (data (i32.const 0x80) "\01\1b[\0a" "\80\00\00\00" "\04\00\00\00")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (call $send (i32.const 0x68) (i32.const 9) (i32.const 0x68) (i32.const 3) (i32.const 0x68) (i32.const 8) (i32.const 0x68))
    (return (i32.const 0x80))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
