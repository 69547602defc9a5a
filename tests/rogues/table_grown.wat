;; Lets a table grow for as long as it gets more.
;; Must happen: beyond its limit it gets nothing, and its trap is explained by that.
(module
  (memory (export "memory") 1)
  (table $table 1 funcref)
  ;; What `setup` answers, at 0x20: it hears web_rogue.
  (data (i32.const 0x2c) "\50\00\00\00" "\01\00\00\00")
  (data (i32.const 0x50) "\68\00\00\00" "\09\00\00\00")
  (data (i32.const 0x68) "web_rogue")
  (func (export "setup") (result i32)
    (i32.const 0x20))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32)
    (loop $more
      (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 10000)) (i32.const -1))))
    (unreachable)
    (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x1000)))
