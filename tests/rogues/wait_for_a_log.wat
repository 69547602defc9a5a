;; Asks again and again for a log that the server never sends.
;; Must happen: the others go on, and it is stopped after the time that a call may take in all.
(module
  (import "cometbot:plugin/comet@1.1.0" "log" (func $log (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue and reads its log.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x3c) "\60\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x60) "\68\00\00\00" "\09\00\00\00" "web_rogue")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (loop $again
      (call $log (i32.const 0x68) (i32.const 9) (i32.const 1) (i32.const 0x100))
      (br $again))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
