;; Wants to hear ten thousand pipes.
;; Must happen: it is refused, and the log says how many it may hear.
(module
  (memory (export "memory") 16)
  ;; What `setup` answers, at 0x20: it hears the 10000 pipes of the list at 0x10000.
  (data (i32.const 0x2c) "\00\00\01\00" "\10\27\00\00")
  (func (export "setup") (result i32)
    (local $number i32) (local $element i32) (local $name i32)
    (loop $more
      (local.set $element (i32.add (i32.const 0x10000) (i32.shl (local.get $number) (i32.const 4))))
      (local.set $name (i32.add (i32.const 0x60000) (i32.shl (local.get $number) (i32.const 4))))
      (i32.store (local.get $element) (local.get $name))
      (i32.store offset=4 (local.get $element) (i32.const 8))
      ;; web_, and four digits.
      (i32.store (local.get $name) (i32.const 0x5f626577))
      (call $digit (local.get $name) (i32.const 4) (i32.div_u (local.get $number) (i32.const 1000)))
      (call $digit (local.get $name) (i32.const 5) (i32.div_u (local.get $number) (i32.const 100)))
      (call $digit (local.get $name) (i32.const 6) (i32.div_u (local.get $number) (i32.const 10)))
      (call $digit (local.get $name) (i32.const 7) (local.get $number))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $number) (i32.const 10000))))
    (i32.const 0x20))
  (func $digit (param $name i32) (param $at i32) (param $number i32)
    (i32.store8
      (i32.add (local.get $name) (local.get $at))
      (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10)))))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
