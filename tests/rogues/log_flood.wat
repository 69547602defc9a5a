;; Writes two thousand lines for each event that would clear a terminal, set its title, forge a line and turn the text
;; around.
;; Must happen: few of them reach the log, harmless, and the log says that there were more.
(module
  (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (data (i32.const 0x80) "\1b[2J\1b]0;title\07\0a{\22level\22:\22ERROR\22,\22message\22:\22forged\22}\0d\c2\9b\e2\80\ae\e2\80\a8")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 2000))
    (loop $more
      (call $log (i32.const 2) (i32.const 0x80) (i32.const 4) (i32.const 0x80) (i32.const 60))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
