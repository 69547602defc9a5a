;; Speaks in the name of its neighbour, in a pipe that it did not ask for, and does not care what the host says.
;; Must happen: nothing of it leaves, and the log says that it tried.
(module
  (import "cometbot:plugin/comet@1.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (data (i32.const 0x80) "web_neighbour" "echo" "0")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (call $send (i32.const 0x80) (i32.const 13) (i32.const 0x8d) (i32.const 4) (i32.const 0x91) (i32.const 1) (i32.const 0x100))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
