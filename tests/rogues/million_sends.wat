;; Sends a million times for one event, and says how that went in the end.
;; Must happen: it is refused or stopped, and nothing of it leaves.
(module
  (import "cometbot:plugin/comet@1.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue and sends to it.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00" "\60\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x60) "\68\00\00\00" "\09\00\00\00" "web_rogue")
  (data (i32.const 0x80) "\01")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 1000000))
    (loop $more
      (call $send (i32.const 0x68) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0x68) (i32.const 9) (i32.const 0x100))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    ;; The last refusal becomes its own error: case 1, the words at 0x84 and 0x88.
    (i64.store (i32.const 0x84) (i64.load (i32.const 0x108)))
    (return (i32.const 0x80))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
