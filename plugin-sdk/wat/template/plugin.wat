;; {{name}}: answers `!hello` with a greeting.
;;
;; A whole plugin without any tool: WebAssembly by hand. How the contract's types look in here is called the canonical ABI:
;;   string, list<T>    two i32: where the first byte is, and how many bytes or elements there are
;;   bool               one i32: 0 or 1
;;   option<u64>        an i32, 0 for none and 1 for some, and an i64
;;   record             its fields, one after the other
;;   variant, result    a number that says which case it is, and then what the case holds
;; Arguments are laid flat like that into a function's parameters. A result that needs more than one value lies in memory,
;; and the function answers with its address.

(module
  (import "cometbot:plugin/comet@1.0.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
  (import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))

  ;; 0x100: results of the host. 0x120: the result of `handle`. From 0x200 on: the texts. From 0x2f0 on: what is made.
  (memory (export "memory") 1)

  ;; ---- What you may want to change --------------------------------------------------------------------------------

  ;; Each text begins at its address, and is named in the code by address and number of bytes. Whoever makes one longer or
  ;; shorter changes that number wherever its address stands, and moves what lies behind if it no longer fits.
  (data (i32.const 0x200) "msg")                         ;; 3 bytes: the event that is heard
  (data (i32.const 0x20c) "web_chat")                    ;; 8 bytes: the pipe that is heard and sent to
  (data (i32.const 0x22c) "0.1.0")                       ;; 5 bytes: the plugin's version
  (data (i32.const 0x260) "hello")                       ;; 5 bytes: the greeting where none is set
  (data (i32.const 0x268) "greeting")                    ;; 8 bytes: the setting
  (data (i32.const 0x270) "greeting with \22")           ;; 15 bytes
  (data (i32.const 0x280) "\22")                         ;; 1 byte
  (data (i32.const 0x284) "!hello")                      ;; 6 bytes: what is answered
  (data (i32.const 0x28c) ", ")                          ;; 2 bytes
  (data (i32.const 0x290) "user ")                       ;; 5 bytes
  (data (i32.const 0x298) "stranger")                    ;; 8 bytes
  (data (i32.const 0x2a0) "! That was greeting number ") ;; 27 bytes
  (data (i32.const 0x2bc) ".")                           ;; 1 byte
  (data (i32.const 0x2c0) "bot")                         ;; 3 bytes: the event that is sent
  (data (i32.const 0x2c4) "the comet server did not answer in time") ;; 39 bytes
  (data (i32.const 0x2ec) "\5cu00")                      ;; 4 bytes: a backslash and u00, for JSON

  ;; The answer of `setup` never changes, so it lies here ready. Numbers have four bytes, the lowest first.
  (data (i32.const 0x234)
    "\00\00\00\00"                 ;; result: case 0, ok
    "\2c\02\00\00" "\05\00\00\00"  ;; version: the 5 bytes at 0x22c
    "\14\02\00\00" "\01\00\00\00"  ;; hear: 1 record at 0x214
    "\24\02\00\00" "\01\00\00\00"  ;; send: 1 string at 0x224
    "\00\00\00\00" "\00\00\00\00"  ;; log: nothing
    "\00\00\00\00" "\00\00\00\00") ;; count: nothing

  ;; The one record of `hear`: a pipe, and its events, of which none means all.
  (data (i32.const 0x214)
    "\0c\02\00\00" "\08\00\00\00"  ;; pipe: the 8 bytes at 0x20c
    "\04\02\00\00" "\01\00\00\00") ;; events: 1 string at 0x204
  (data (i32.const 0x204)
    "\00\02\00\00" "\03\00\00\00") ;; the 3 bytes at 0x200

  ;; The one string of `send`.
  (data (i32.const 0x224)
    "\0c\02\00\00" "\08\00\00\00") ;; the 8 bytes at 0x20c

  ;; ---- setup: func() -> result<wants, string> ---------------------------------------------------------------------

  ;; The greeting: the setting of this name, or `hello`.
  (global $greeting (mut i32) (i32.const 0))
  (global $greeting_bytes (mut i32) (i32.const 0))

  (func $setup (export "setup") (result i32)
    (global.set $greeting (i32.const 0x260))
    (global.set $greeting_bytes (i32.const 5))
    ;; result<option<string>, error>: at 0x100 whether it is an error, at 0x104 whether there is one, then the string.
    (call $get (i32.const 0x268) (i32.const 8) (i32.const 0x100))
    (if (i32.and
          (i32.eqz (i32.load8_u (i32.const 0x100)))
          (i32.eq (i32.load8_u (i32.const 0x104)) (i32.const 1)))
      (then
        (global.set $greeting (i32.load (i32.const 0x108)))
        (global.set $greeting_bytes (i32.load (i32.const 0x10c)))))
    (call $begin)
    (call $put (i32.const 0x270) (i32.const 15))
    (call $put (global.get $greeting) (global.get $greeting_bytes))
    (call $put (i32.const 0x280) (i32.const 1))
    (call $log
      (i32.const 2)                 ;; the level: 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical
      (i32.const 0) (i32.const 0)   ;; the context: an empty text
      (call $end))                  ;; the message
    (i32.const 0x234))

  ;; ---- handle: func(event) -> result<_, string> -------------------------------------------------------------------

  (global $greetings (mut i64) (i64.const 0))

  (func $handle (export "handle")
    (param $pipe i32) (param $pipe_bytes i32)
    (param $name i32) (param $name_bytes i32)
    (param $data i32) (param $data_bytes i32)
    (param $has_user i32) (param $user i64)
    (param $has_time i32) (param $time i64)
    (param $history i32)
    (result i32)
    (local $is_json i32)
    (local.set $is_json (call $read_json (local.get $data) (local.get $data_bytes)))
    (if (i32.eqz (call $equal (call $trim (global.get $text) (global.get $text_bytes)) (i32.const 0x284) (i32.const 6)))
      (then (return (call $ok))))
    (global.set $greetings (i64.add (global.get $greetings) (i64.const 1)))
    (call $begin)
    (call $put (global.get $greeting) (global.get $greeting_bytes))
    (call $put (i32.const 0x28c) (i32.const 2))
    (if (i32.and (local.get $has_user) (i64.ne (local.get $user) (i64.const 0)))
      (then
        (call $put (i32.const 0x290) (i32.const 5))
        (call $put_number (local.get $user)))
      (else (call $put (i32.const 0x298) (i32.const 8))))
    (call $put (i32.const 0x2a0) (i32.const 27))
    (call $put_number (global.get $greetings))
    (call $put (i32.const 0x2bc) (i32.const 1))
    ;; Whoever writes JSON strings also reads them.
    (if (local.get $is_json)
      (then
        (call $end)
        (call $begin)
        (call $put_json)))
    (call $send
      (local.get $pipe) (local.get $pipe_bytes)
      (i32.const 0x2c0) (i32.const 3)
      (call $end)
      (i32.const 0x100))
    (call $sent))

  ;; Makes the result of `handle` out of that of `send`:
  ;;   0x100  result: 0 ok, 1 error                      0x120  result: 0 ok, 1 error
  ;;   +4     the error's case: 3, timed-out, is bare    +4     the error's text: where it is
  ;;   +8     the error's text: where it is              +8     how many bytes it has
  ;;   +12    how many bytes it has
  (func $sent (result i32)
    (if (i32.eqz (i32.load8_u (i32.const 0x100))) (then (return (call $ok))))
    (if (i32.eq (i32.load8_u (i32.const 0x104)) (i32.const 3))
      (then (return (call $failed (i32.const 0x2c4) (i32.const 39)))))
    (call $failed (i32.load (i32.const 0x108)) (i32.load (i32.const 0x10c))))

  (func $ok (result i32)
    (i32.store8 (i32.const 0x120) (i32.const 0))
    (i32.const 0x120))

  (func $failed (param $words i32) (param $bytes i32) (result i32)
    (i32.store8 (i32.const 0x120) (i32.const 1))
    (i32.store (i32.const 0x124) (local.get $words))
    (i32.store (i32.const 0x128) (local.get $bytes))
    (i32.const 0x120))

  ;; ---- Memory -----------------------------------------------------------------------------------------------------

  ;; What the host passes in and what is made here is laid down one piece after the other, and is gone when the host has
  ;; read the answer. $kept is where that begins: `setup` moves it, so that the settings stay.
  (global $free (mut i32) (i32.const 0x2f0))
  (global $kept (mut i32) (i32.const 0x2f0))

  (func (export "cabi_post_setup") (param $answer i32)
    (global.set $kept (global.get $free)))
  (func (export "cabi_post_handle") (param $answer i32)
    (global.set $free (global.get $kept)))

  ;; Sees to it that so many bytes are there at $free. What the host does not grant is an end with a trap.
  (func $room (param $bytes i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (i32.add (global.get $free) (local.get $bytes)) (i32.const 0xffff)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
          (then (unreachable))))))

  ;; The host calls it for room for every string that it passes in.
  (func $allocate (export "cabi_realloc")
    (param $old i32) (param $old_bytes i32) (param $alignment i32) (param $bytes i32)
    (result i32)
    (local $new i32)
    ;; Up to the next multiple of the alignment, which is a power of two.
    (global.set $free
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $alignment) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $alignment))))
    (call $room (local.get $bytes))
    (local.set $new (global.get $free))
    (global.set $free (i32.add (local.get $new) (local.get $bytes)))
    (memory.copy (local.get $new) (local.get $old) (local.get $old_bytes))
    (local.get $new))

  ;; ---- Texts ------------------------------------------------------------------------------------------------------

  ;; A text is built at $free: $begin, then $put, then $end, which gives its place and its length.
  (global $begun (mut i32) (i32.const 0))

  (func $begin
    (global.set $begun (global.get $free)))
  (func $end (result i32 i32)
    (global.get $begun)
    (i32.sub (global.get $free) (global.get $begun)))

  (func $put (param $text i32) (param $bytes i32)
    (call $room (local.get $bytes))
    (memory.copy (global.get $free) (local.get $text) (local.get $bytes))
    (global.set $free (i32.add (global.get $free) (local.get $bytes))))

  (func $put_byte (param $byte i32)
    (call $room (i32.const 1))
    (i32.store8 (global.get $free) (local.get $byte))
    (global.set $free (i32.add (global.get $free) (i32.const 1))))

  (func $put_number (param $number i64)
    (if (i64.ge_u (local.get $number) (i64.const 10))
      (then (call $put_number (i64.div_u (local.get $number) (i64.const 10)))))
    (call $put_byte
      (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10))))))

  (func $equal (param $a i32) (param $a_bytes i32) (param $b i32) (param $b_bytes i32) (result i32)
    (local $i i32)
    (if (i32.ne (local.get $a_bytes) (local.get $b_bytes)) (then (return (i32.const 0))))
    (block $differs
      (loop $next
        (if (i32.ge_u (local.get $i) (local.get $a_bytes)) (then (return (i32.const 1))))
        (br_if $differs
          (i32.ne
            (i32.load8_u (i32.add (local.get $a) (local.get $i)))
            (i32.load8_u (i32.add (local.get $b) (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  (func $is_blank (param $byte i32) (result i32)
    (i32.or
      (i32.or (i32.eq (local.get $byte) (i32.const 32)) (i32.eq (local.get $byte) (i32.const 9)))
      (i32.or (i32.eq (local.get $byte) (i32.const 10)) (i32.eq (local.get $byte) (i32.const 13)))))

  ;; Without the blanks at both ends.
  (func $trim (param $text i32) (param $bytes i32) (result i32 i32)
    (block $begins
      (loop $next
        (br_if $begins (i32.eqz (local.get $bytes)))
        (br_if $begins (i32.eqz (call $is_blank (i32.load8_u (local.get $text)))))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (br $next)))
    (block $ends
      (loop $next
        (br_if $ends (i32.eqz (local.get $bytes)))
        (br_if $ends
          (i32.eqz
            (call $is_blank
              (i32.load8_u (i32.sub (i32.add (local.get $text) (local.get $bytes)) (i32.const 1))))))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (br $next)))
    (local.get $text)
    (local.get $bytes))

  ;; ---- Texts that come as JSON ------------------------------------------------------------------------------------

  ;; The server's JavaScript client sends a plain text as a JSON string, quotes included. $read_json is 1 if it is one;
  ;; then $text and $text_bytes are what it says, and otherwise the text as it is.
  (global $text (mut i32) (i32.const 0))
  (global $text_bytes (mut i32) (i32.const 0))

  (func $read_json (param $data i32) (param $bytes i32) (result i32)
    (local $at i32) (local $stop i32) (local $byte i32) (local $code i32) (local $second i32)
    (global.set $text (local.get $data))
    (global.set $text_bytes (local.get $bytes))
    (call $trim (local.get $data) (local.get $bytes))
    (local.set $bytes)
    (local.set $at)
    (if (i32.lt_u (local.get $bytes) (i32.const 2)) (then (return (i32.const 0))))
    (local.set $stop (i32.sub (i32.add (local.get $at) (local.get $bytes)) (i32.const 1)))
    ;; 34 is the quote, 92 the backslash.
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 34)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (local.get $stop)) (i32.const 34)) (then (return (i32.const 0))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (call $begin)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $stop)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.lt_u (local.get $byte) (i32.const 32)) (then (return (i32.const 0))))
        (if (i32.eq (local.get $byte) (i32.const 34)) (then (return (i32.const 0))))
        (if (i32.ne (local.get $byte) (i32.const 92))
          (then
            (call $put_byte (local.get $byte))
            (br $next)))
        (if (i32.ge_u (local.get $at) (local.get $stop)) (then (return (i32.const 0))))
        (local.set $byte (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.eq (local.get $byte) (i32.const 117)) ;; u
          (then
            (local.set $code (call $read_unit (local.get $at) (local.get $stop)))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (if (i32.lt_s (local.get $code) (i32.const 0)) (then (return (i32.const 0))))
            ;; A second half alone.
            (if (i32.eq (i32.and (local.get $code) (i32.const 0xfc00)) (i32.const 0xdc00))
              (then (return (i32.const 0))))
            ;; A first half, behind which the second has to come.
            (if (i32.eq (i32.and (local.get $code) (i32.const 0xfc00)) (i32.const 0xd800))
              (then
                (if (i32.gt_u (i32.add (local.get $at) (i32.const 6)) (local.get $stop)) (then (return (i32.const 0))))
                (if (i32.ne (i32.load16_u align=1 (local.get $at)) (i32.const 0x755c)) (then (return (i32.const 0))))
                (local.set $second
                  (call $read_unit (i32.add (local.get $at) (i32.const 2)) (local.get $stop)))
                (local.set $at (i32.add (local.get $at) (i32.const 6)))
                (if (i32.ne (i32.and (local.get $second) (i32.const 0xfffffc00)) (i32.const 0xdc00))
                  (then (return (i32.const 0))))
                (local.set $code
                  (i32.add
                    (i32.const 0x10000)
                    (i32.or
                      (i32.shl (i32.and (local.get $code) (i32.const 0x3ff)) (i32.const 10))
                      (i32.and (local.get $second) (i32.const 0x3ff)))))))
            (call $put_character (local.get $code))
            (br $next)))
        (local.set $code (call $escaped (local.get $byte)))
        (if (i32.eqz (local.get $code)) (then (return (i32.const 0))))
        (call $put_byte (local.get $code))
        (br $next)))
    (call $end)
    (global.set $text_bytes)
    (global.set $text)
    (i32.const 1))

  ;; What stands for a byte behind a backslash; 0 for one that may not stand there.
  (func $escaped (param $byte i32) (result i32)
    (if (i32.eq (local.get $byte) (i32.const 98)) (then (return (i32.const 8))))    ;; b
    (if (i32.eq (local.get $byte) (i32.const 102)) (then (return (i32.const 12))))  ;; f
    (if (i32.eq (local.get $byte) (i32.const 110)) (then (return (i32.const 10))))  ;; n
    (if (i32.eq (local.get $byte) (i32.const 114)) (then (return (i32.const 13))))  ;; r
    (if (i32.eq (local.get $byte) (i32.const 116)) (then (return (i32.const 9))))   ;; t
    (if (i32.or
          (i32.eq (local.get $byte) (i32.const 34))
          (i32.or (i32.eq (local.get $byte) (i32.const 92)) (i32.eq (local.get $byte) (i32.const 47))))
      (then (return (local.get $byte))))
    (i32.const 0))

  ;; Four hexadecimal digits; -1 if they are none.
  (func $read_unit (param $at i32) (param $stop i32) (result i32)
    (local $value i32) (local $digits i32) (local $byte i32)
    (if (i32.gt_u (i32.add (local.get $at) (i32.const 4)) (local.get $stop)) (then (return (i32.const -1))))
    (loop $next
      (local.set $byte (i32.load8_u (i32.add (local.get $at) (local.get $digits))))
      (if (i32.le_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 9))
        (then (local.set $byte (i32.sub (local.get $byte) (i32.const 48))))
        (else
          ;; Letters of both cases.
          (local.set $byte (i32.sub (i32.or (local.get $byte) (i32.const 32)) (i32.const 87)))
          (if (i32.gt_u (i32.sub (local.get $byte) (i32.const 10)) (i32.const 5)) (then (return (i32.const -1))))))
      (local.set $value (i32.or (i32.shl (local.get $value) (i32.const 4)) (local.get $byte)))
      (local.set $digits (i32.add (local.get $digits) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $digits) (i32.const 4))))
    (local.get $value))

  ;; A character as UTF-8.
  (func $put_character (param $code i32)
    (if (i32.lt_u (local.get $code) (i32.const 0x80))
      (then (call $put_byte (local.get $code)) (return)))
    (if (i32.lt_u (local.get $code) (i32.const 0x800))
      (then
        (call $put_byte (i32.or (i32.const 0xc0) (i32.shr_u (local.get $code) (i32.const 6))))
        (call $put_rest (local.get $code))
        (return)))
    (if (i32.lt_u (local.get $code) (i32.const 0x10000))
      (then (call $put_byte (i32.or (i32.const 0xe0) (i32.shr_u (local.get $code) (i32.const 12)))))
      (else
        (call $put_byte (i32.or (i32.const 0xf0) (i32.shr_u (local.get $code) (i32.const 18))))
        (call $put_rest (i32.shr_u (local.get $code) (i32.const 12)))))
    (call $put_rest (i32.shr_u (local.get $code) (i32.const 6)))
    (call $put_rest (local.get $code)))
  (func $put_rest (param $code i32)
    (call $put_byte (i32.or (i32.const 0x80) (i32.and (local.get $code) (i32.const 0x3f)))))

  ;; A text as a JSON string.
  (func $put_json (param $at i32) (param $bytes i32)
    (local $byte i32)
    (call $put_byte (i32.const 34))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $bytes)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (if (i32.or (i32.eq (local.get $byte) (i32.const 34)) (i32.eq (local.get $byte) (i32.const 92)))
          (then (call $put_byte (i32.const 92)) (call $put_byte (local.get $byte)) (br $next)))
        (if (i32.eq (local.get $byte) (i32.const 10))
          (then (call $put_byte (i32.const 92)) (call $put_byte (i32.const 110)) (br $next)))
        (if (i32.lt_u (local.get $byte) (i32.const 32))
          (then
            (call $put (i32.const 0x2ec) (i32.const 4))
            (call $put_digit (i32.shr_u (local.get $byte) (i32.const 4)))
            (call $put_digit (i32.and (local.get $byte) (i32.const 15)))
            (br $next)))
        (call $put_byte (local.get $byte))
        (br $next)))
    (call $put_byte (i32.const 34)))

  ;; A hexadecimal digit.
  (func $put_digit (param $digit i32)
    (call $put_byte
      (i32.add
        (local.get $digit)
        (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $digit) (i32.const 10))))))
)
