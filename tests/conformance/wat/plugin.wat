;; The conformance plugin: does what the tests ask it to, in WebAssembly by hand.
;;
;; The contract's types as they look in here are told in docs/src/core-modules.md.

(module
  (import "cometbot:plugin/comet@1.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32)))
  (import "cometbot:plugin/comet@1.1.0" "log" (func $ask_log (param i32 i32 i32 i32)))
  (import "cometbot:plugin/comet@1.1.0" "count" (func $count (param i32 i32 i32)))
  (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
  (import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))
  (import "wasi:clocks/wall-clock@0.2.12" "now" (func $now (param i32)))
  (import "wasi:random/random@0.2.12" "get-random-u64" (func $get_random (result i64)))

  ;; 0x100: results of the host. 0x120: the result of `handle`. 0x140: a refusal of `setup`.
  (memory (export "memory") 1)

  (data (i32.const 0x200) "web_in") ;; 6 bytes
  (data (i32.const 0x208) "one") ;; 3 bytes
  (data (i32.const 0x20c) "two") ;; 3 bytes
  ;; The events of web_picky.
  (data (i32.const 0x210) "\08\02\00\00" "\03\00\00\00" "\0c\02\00\00" "\03\00\00\00")
  (data (i32.const 0x220) "web_picky") ;; 9 bytes
  ;; What is heard: each a pipe, and the events of it, of which none means all.
  (data (i32.const 0x22c) "\00\02\00\00" "\06\00\00\00" "\00\00\00\00" "\00\00\00\00" "\20\02\00\00" "\09\00\00\00" "\10\02\00\00" "\02\00\00\00")
  (data (i32.const 0x24c) "web_out") ;; 7 bytes
  ;; The pipes to send to.
  (data (i32.const 0x254) "\4c\02\00\00" "\07\00\00\00" "\00\02\00\00" "\06\00\00\00")
  (data (i32.const 0x264) "web_log") ;; 7 bytes
  ;; The pipes whose log is read.
  (data (i32.const 0x26c) "\64\02\00\00" "\07\00\00\00")
  (data (i32.const 0x274) "web_count") ;; 9 bytes
  ;; The pipes that are counted.
  (data (i32.const 0x280) "\74\02\00\00" "\09\00\00\00")
  (data (i32.const 0x288) "1.0.0") ;; 5 bytes
  ;; The answer of `setup`: 0 for ok; version, hear, send, log, count, each a place and a length.
  (data (i32.const 0x290) "\00\00\00\00" "\88\02\00\00" "\05\00\00\00" "\2c\02\00\00" "\02\00\00\00" "\54\02\00\00" "\02\00\00\00" "\6c\02\00\00" "\01\00\00\00" "\80\02\00\00" "\01\00\00\00")
  (data (i32.const 0x2bc) "refuse") ;; 6 bytes
  (data (i32.const 0x2c4) "refused: ") ;; 9 bytes
  (data (i32.const 0x2d0) "panic-in-setup") ;; 14 bytes
  (data (i32.const 0x2e0) "greeting") ;; 8 bytes
  (data (i32.const 0x2e8) "greeting is ") ;; 12 bytes
  (data (i32.const 0x2f4) "greeting is not set") ;; 19 bytes
  (data (i32.const 0x308) "") ;; 0 bytes
  (data (i32.const 0x308) "echo") ;; 4 bytes
  (data (i32.const 0x30c) "fields") ;; 6 bytes
  (data (i32.const 0x314) "|") ;; 1 bytes
  (data (i32.const 0x318) "digest") ;; 6 bytes
  (data (i32.const 0x320) " ") ;; 1 bytes
  (data (i32.const 0x324) "send") ;; 4 bytes
  (data (i32.const 0x328) "log") ;; 3 bytes
  (data (i32.const 0x32c) "count") ;; 5 bytes
  (data (i32.const 0x334) "text") ;; 4 bytes
  (data (i32.const 0x338) "reply") ;; 5 bytes
  (data (i32.const 0x340) "a\0a\22b\22") ;; 5 bytes
  (data (i32.const 0x348) "levels") ;; 6 bytes
  (data (i32.const 0x350) "level trace: ") ;; 13 bytes
  (data (i32.const 0x360) "level debug: ") ;; 13 bytes
  (data (i32.const 0x370) "level info: ") ;; 12 bytes
  (data (i32.const 0x37c) "level warn: ") ;; 12 bytes
  (data (i32.const 0x388) "level error: ") ;; 13 bytes
  (data (i32.const 0x398) "level critical: ") ;; 16 bytes
  (data (i32.const 0x3a8) "print") ;; 5 bytes
  (data (i32.const 0x3b0) "printed: ") ;; 9 bytes
  (data (i32.const 0x3bc) "fail") ;; 4 bytes
  (data (i32.const 0x3c0) "failed: ") ;; 8 bytes
  (data (i32.const 0x3c8) "uncaught") ;; 8 bytes
  (data (i32.const 0x3d0) "panic") ;; 5 bytes
  (data (i32.const 0x3d8) "overflow") ;; 8 bytes
  (data (i32.const 0x3e0) "state") ;; 5 bytes
  (data (i32.const 0x3e8) "clock") ;; 5 bytes
  (data (i32.const 0x3f0) "random") ;; 6 bytes
  (data (i32.const 0x3f8) "heap") ;; 4 bytes
  (data (i32.const 0x3fc) "none") ;; 4 bytes
  (data (i32.const 0x400) "true") ;; 4 bytes
  (data (i32.const 0x404) "false") ;; 5 bytes
  (data (i32.const 0x40c) "outcome") ;; 7 bytes
  (data (i32.const 0x414) "ok") ;; 2 bytes
  (data (i32.const 0x418) "timed-out") ;; 9 bytes
  (data (i32.const 0x424) "invalid: ") ;; 9 bytes
  (data (i32.const 0x430) "denied: ") ;; 8 bytes
  (data (i32.const 0x438) "unavailable: ") ;; 13 bytes
  (data (i32.const 0x448) "\0a") ;; 1 bytes
  (data (i32.const 0x44c) "the comet server did not answer in time") ;; 39 bytes
  (data (i32.const 0x474) "\5cu00") ;; 4 bytes
  (data (i32.const 0x478) "remember") ;; 8 bytes
  (data (i32.const 0x480) "recall") ;; 6 bytes
  (data (i32.const 0x488) "unsaved") ;; 7 bytes
  (data (i32.const 0x490) "unrestored") ;; 10 bytes
  (data (i32.const 0x49c) "cannot save: it's \22\d0\b6\22") ;; 22 bytes
  (data (i32.const 0x4b4) "cannot restore: it's \22\d0\b6\22") ;; 25 bytes

  ;; ---- setup: func() -> result<wants, string> ---------------------------------------------------------------------

  (func $setup (export "setup") (result i32)
    (if (call $config (i32.const 0x2bc) (i32.const 6))
      (then
        (call $begin)
        (call $put (i32.const 0x2c4) (i32.const 9))
        (call $put (global.get $text) (global.get $text_bytes))
        (return (call $refused (call $end)))))
    (if (call $config (i32.const 0x2d0) (i32.const 14))
      (then (call $panic (global.get $text) (global.get $text_bytes))))
    (call $begin)
    (if (call $config (i32.const 0x2e0) (i32.const 8))
      (then
        ;; What the host passed in lies at $free, so it comes first.
        (call $begin)
        (call $put (i32.const 0x2e8) (i32.const 12))
        (call $put (global.get $text) (global.get $text_bytes)))
      (else (call $put (i32.const 0x2f4) (i32.const 19))))
    (call $log (i32.const 2) (i32.const 0x308) (i32.const 0) (call $end))
    (i32.const 0x290))

  ;; An answer of `setup` that is an error.
  (func $refused (param $words i32) (param $bytes i32) (result i32)
    (i32.store8 (i32.const 0x140) (i32.const 1))
    (i32.store (i32.const 0x144) (local.get $words))
    (i32.store (i32.const 0x148) (local.get $bytes))
    (i32.const 0x140))

  ;; Whether there is a setting; it is then in $text.
  (func $config (param $key i32) (param $bytes i32) (result i32)
    (call $get (local.get $key) (local.get $bytes) (i32.const 0x100))
    (global.set $text (i32.load (i32.const 0x108)))
    (global.set $text_bytes (i32.load (i32.const 0x10c)))
    (i32.and
      (i32.eqz (i32.load8_u (i32.const 0x100)))
      (i32.eq (i32.load8_u (i32.const 0x104)) (i32.const 1))))

  (func $panic (param $words i32) (param $bytes i32)
    (call $log (i32.const 5) (i32.const 0x308) (i32.const 0) (local.get $words) (local.get $bytes))
    (unreachable))

  ;; ---- handle: func(event) -> result<_, string> -------------------------------------------------------------------

  (global $states (mut i64) (i64.const 0))

  (func $handle (export "handle")
    (param $pipe i32) (param $pipe_bytes i32)
    (param $name i32) (param $name_bytes i32)
    (param $data i32) (param $data_bytes i32)
    (param $has_user i32) (param $user i64)
    (param $has_time i32) (param $time i64)
    (param $history i32)
    (result i32)
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x308) (i32.const 4))
      (then (return (call $answer (i32.const 0x308) (i32.const 4) (local.get $data) (local.get $data_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x30c) (i32.const 6))
      (then
        (call $begin)
        (call $put (local.get $pipe) (local.get $pipe_bytes))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put (local.get $name) (local.get $name_bytes))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put_number (i64.extend_i32_u (local.get $data_bytes)))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put_option (local.get $has_user) (local.get $user))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put_option (local.get $has_time) (local.get $time))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put_bool (local.get $history))
        (return (call $answer (i32.const 0x30c) (i32.const 6) (call $end)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x318) (i32.const 6))
      (then
        (call $begin)
        (call $put_number (i64.extend_i32_u (local.get $data_bytes)))
        (call $put (i32.const 0x320) (i32.const 1))
        (call $put_hex
          (i64.extend_i32_u (call $fnv (local.get $data) (local.get $data_bytes)))
          (i32.const 8))
        (return (call $answer (i32.const 0x318) (i32.const 6) (call $end)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x324) (i32.const 4))
      (then (return (call $send_what (local.get $data) (local.get $data_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x328) (i32.const 3))
      (then (return (call $read_log (local.get $data) (local.get $data_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x32c) (i32.const 5))
      (then (return (call $count_what (local.get $data) (local.get $data_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x334) (i32.const 4))
      (then
        (drop (call $read_json (local.get $data) (local.get $data_bytes)))
        (return (call $answer (i32.const 0x334) (i32.const 4) (global.get $text) (global.get $text_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x338) (i32.const 5))
      (then
        (if (call $read_json (local.get $data) (local.get $data_bytes))
          (then (call $begin) (call $put_json (i32.const 0x340) (i32.const 5)))
          (else (call $begin) (call $put (i32.const 0x340) (i32.const 5))))
        (call $send (local.get $pipe) (local.get $pipe_bytes) (i32.const 0x338) (i32.const 5) (call $end) (i32.const 0x100))
        (return (call $sent))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x348) (i32.const 6))
      (then
        (call $level (i32.const 0) (i32.const 0x350) (i32.const 13) (local.get $data) (local.get $data_bytes))
        (call $level (i32.const 1) (i32.const 0x360) (i32.const 13) (local.get $data) (local.get $data_bytes))
        (call $level (i32.const 2) (i32.const 0x370) (i32.const 12) (local.get $data) (local.get $data_bytes))
        (call $level (i32.const 3) (i32.const 0x37c) (i32.const 12) (local.get $data) (local.get $data_bytes))
        (call $level (i32.const 4) (i32.const 0x388) (i32.const 13) (local.get $data) (local.get $data_bytes))
        (call $level (i32.const 5) (i32.const 0x398) (i32.const 16) (local.get $data) (local.get $data_bytes))))
    ;; Nothing that is printed without WASI reaches the log.
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3a8) (i32.const 5))
      (then (call $level (i32.const 2) (i32.const 0x3b0) (i32.const 9) (local.get $data) (local.get $data_bytes))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3bc) (i32.const 4))
      (then
        (call $begin)
        (call $put (i32.const 0x3c0) (i32.const 8))
        (call $put (local.get $data) (local.get $data_bytes))
        (return (call $failed (call $end)))))
    (if (i32.or (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3c8) (i32.const 8)) (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3d0) (i32.const 5)))
      (then (call $panic (local.get $data) (local.get $data_bytes))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3d8) (i32.const 8))
      (then (drop (call $deeper (local.get $data_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3e0) (i32.const 5))
      (then
        (global.set $states (i64.add (global.get $states) (i64.const 1)))
        (call $begin)
        (call $put_number (global.get $states))
        (return (call $answer (i32.const 0x3e0) (i32.const 5) (call $end)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x478) (i32.const 8))
      (then (call $remember (local.get $data) (local.get $data_bytes))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x480) (i32.const 6))
      (then (return (call $answer (i32.const 0x480) (i32.const 6) (global.get $memory) (global.get $memory_bytes)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3e8) (i32.const 5))
      (then
        (call $now (i32.const 0x100))
        (call $begin)
        (call $put_number (i64.load (i32.const 0x100)))
        (return (call $answer (i32.const 0x3e8) (i32.const 5) (call $end)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3f0) (i32.const 6))
      (then
        (call $begin)
        (call $put_hex (call $get_random) (i32.const 16))
        (return (call $answer (i32.const 0x3f0) (i32.const 6) (call $end)))))
    (if (call $equal (local.get $name) (local.get $name_bytes) (i32.const 0x3f8) (i32.const 4))
      (then (call $begin) (call $put (local.get $data) (local.get $data_bytes))))
    (call $ok))

  (func $answer (param $event i32) (param $event_bytes i32) (param $message i32) (param $bytes i32) (result i32)
    (call $send (i32.const 0x24c) (i32.const 7)
      (local.get $event) (local.get $event_bytes)
      (local.get $message) (local.get $bytes)
      (i32.const 0x100))
    (call $sent))

  (func $level (param $level i32) (param $words i32) (param $bytes i32) (param $data i32) (param $data_bytes i32)
    (call $begin)
    (call $put (local.get $words) (local.get $bytes))
    (call $put (local.get $data) (local.get $data_bytes))
    (call $log (local.get $level) (i32.const 0x308) (i32.const 0) (call $end)))

  ;; Never ends by itself.
  (func $deeper (param $depth i32) (result i32)
    (i32.add (call $deeper (i32.add (local.get $depth) (i32.const 1))) (local.get $depth)))

  (func $put_option (param $is_some i32) (param $number i64)
    (if (local.get $is_some)
      (then (call $put_number (local.get $number)))
      (else (call $put (i32.const 0x3fc) (i32.const 4)))))
  (func $put_bool (param $value i32)
    (if (local.get $value)
      (then (call $put (i32.const 0x400) (i32.const 4)))
      (else (call $put (i32.const 0x404) (i32.const 5)))))
  (func $put_hex (param $number i64) (param $digits i32)
    (loop $next
      (local.set $digits (i32.sub (local.get $digits) (i32.const 1)))
      (call $put_digit
        (i32.and
          (i32.wrap_i64
            (i64.shr_u (local.get $number) (i64.extend_i32_u (i32.shl (local.get $digits) (i32.const 2)))))
          (i32.const 15)))
      (br_if $next (local.get $digits))))

  ;; FNV-1a, 32 bits.
  (func $fnv (param $at i32) (param $bytes i32) (result i32)
    (local $hash i32)
    (local.set $hash (i32.const 0x811c9dc5))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $bytes)))
        (local.set $hash
          (i32.mul (i32.xor (local.get $hash) (i32.load8_u (local.get $at))) (i32.const 0x01000193)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (br $next)))
    (local.get $hash))

  ;; How many bytes there are before the first space; all of them if there is none.
  (func $word (param $text i32) (param $bytes i32) (result i32)
    (local $i i32)
    (block $found
      (loop $next
        (br_if $found (i32.ge_u (local.get $i) (local.get $bytes)))
        (br_if $found (i32.eq (i32.load8_u (i32.add (local.get $text) (local.get $i))) (i32.const 32)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $i))

  (func $send_what (param $data i32) (param $bytes i32) (result i32)
    (local $first i32) (local $rest i32) (local $rest_bytes i32) (local $second i32)
    (local.set $first (call $word (local.get $data) (local.get $bytes)))
    (local.set $rest (i32.add (i32.add (local.get $data) (local.get $first)) (i32.const 1)))
    (local.set $rest_bytes (i32.sub (i32.sub (local.get $bytes) (local.get $first)) (i32.const 1)))
    (local.set $second (call $word (local.get $rest) (local.get $rest_bytes)))
    (call $send
      (local.get $data) (local.get $first)
      (local.get $rest) (local.get $second)
      (i32.add (i32.add (local.get $rest) (local.get $second)) (i32.const 1))
      (i32.sub (i32.sub (local.get $rest_bytes) (local.get $second)) (i32.const 1))
      (i32.const 0x100))
    (if (i32.load8_u (i32.const 0x100)) (then (return (call $outcome (i32.const 0x104)))))
    (call $answer (i32.const 0x40c) (i32.const 7) (i32.const 0x414) (i32.const 2)))

  ;; Tells of an error of the interface comet, which is at $error: its case, and where its words are.
  (func $outcome (param $error i32) (result i32)
    (local $case i32)
    (local.set $case (i32.load8_u (local.get $error)))
    (if (i32.eq (local.get $case) (i32.const 3)) (then (return (call $answer (i32.const 0x40c) (i32.const 7) (i32.const 0x418) (i32.const 9)))))
    (call $begin)
    (if (i32.eqz (local.get $case)) (then (call $put (i32.const 0x424) (i32.const 9))))
    (if (i32.eq (local.get $case) (i32.const 1)) (then (call $put (i32.const 0x430) (i32.const 8))))
    (if (i32.eq (local.get $case) (i32.const 2)) (then (call $put (i32.const 0x438) (i32.const 13))))
    (call $put (i32.load offset=4 (local.get $error)) (i32.load offset=8 (local.get $error)))
    (call $answer (i32.const 0x40c) (i32.const 7) (call $end)))

  (func $count_what (param $pipe i32) (param $bytes i32) (result i32)
    (call $count (local.get $pipe) (local.get $bytes) (i32.const 0x100))
    ;; The number is aligned to 8 bytes, and so is the error that may be in its place.
    (if (i32.load8_u (i32.const 0x100)) (then (return (call $outcome (i32.const 0x108)))))
    (call $begin)
    (call $put_number (i64.load (i32.const 0x108)))
    (call $answer (i32.const 0x32c) (i32.const 5) (call $end)))

  (func $read_log (param $data i32) (param $bytes i32) (result i32)
    (local $first i32) (local $at i32) (local $limit i32) (local $row i32) (local $rows i32)
    (local.set $first (call $word (local.get $data) (local.get $bytes)))
    (local.set $at (i32.add (local.get $first) (i32.const 1)))
    (block $read
      (loop $next
        (br_if $read (i32.ge_u (local.get $at) (local.get $bytes)))
        (local.set $limit
          (i32.add
            (i32.mul (local.get $limit) (i32.const 10))
            (i32.sub (i32.load8_u (i32.add (local.get $data) (local.get $at))) (i32.const 48))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (call $ask_log (local.get $data) (local.get $first) (local.get $limit) (i32.const 0x100))
    (if (i32.load8_u (i32.const 0x100)) (then (return (call $outcome (i32.const 0x104)))))
    (local.set $row (i32.load (i32.const 0x104)))
    (local.set $rows (i32.load (i32.const 0x108)))
    (call $begin)
    (call $put_number (i64.extend_i32_u (local.get $rows)))
    ;; A row is an event of 64 bytes: pipe, name, data, user-id at 24 and 32, time at 40 and 48, history at 56.
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $rows)))
        (call $put (i32.const 0x448) (i32.const 1))
        (call $put (i32.load (local.get $row)) (i32.load offset=4 (local.get $row)))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put (i32.load offset=8 (local.get $row)) (i32.load offset=12 (local.get $row)))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put_option (i32.load8_u offset=24 (local.get $row)) (i64.load offset=32 (local.get $row)))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put_bool (i32.load8_u offset=56 (local.get $row)))
        (call $put (i32.const 0x314) (i32.const 1))
        (call $put (i32.load offset=16 (local.get $row)) (i32.load offset=20 (local.get $row)))
        (local.set $row (i32.add (local.get $row) (i32.const 64)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $next)))
    (call $answer (i32.const 0x328) (i32.const 3) (call $end)))

  ;; Makes the result of `handle` out of that of `send`:
  ;;   0x100  result: 0 ok, 1 error                      0x120  result: 0 ok, 1 error
  ;;   +4     the error's case: 3, timed-out, is bare    +4     the error's text: where it is
  ;;   +8     the error's text: where it is              +8     how many bytes it has
  ;;   +12    how many bytes it has
  (func $sent (result i32)
    (if (i32.eqz (i32.load8_u (i32.const 0x100))) (then (return (call $ok))))
    (if (i32.eq (i32.load8_u (i32.const 0x104)) (i32.const 3))
      (then (return (call $failed (i32.const 0x44c) (i32.const 39)))))
    (call $failed (i32.load (i32.const 0x108)) (i32.load (i32.const 0x10c))))

  (func $ok (result i32)
    (i32.store8 (i32.const 0x120) (i32.const 0))
    (i32.const 0x120))

  (func $failed (param $words i32) (param $bytes i32) (result i32)
    (i32.store8 (i32.const 0x120) (i32.const 1))
    (i32.store (i32.const 0x124) (local.get $words))
    (i32.store (i32.const 0x128) (local.get $bytes))
    (i32.const 0x120))

  ;; ---- save: func() -> result<list<u8>, string>, and restore: func(state) -> result<_, string> ----------------------

  ;; What is kept by `remember`: it lies where the settings end.
  (global $memory (mut i32) (i32.const 0))
  (global $memory_bytes (mut i32) (i32.const 0))

  (func $remember (param $text i32) (param $bytes i32)
    ;; It may lie in its own way, which memory.copy does not mind.
    (memory.copy (global.get $memory) (local.get $text) (local.get $bytes))
    (global.set $memory_bytes (local.get $bytes))
    (global.set $kept (i32.add (global.get $memory) (local.get $bytes))))

  (func (export "save") (result i32)
    (if (call $equal (global.get $memory) (global.get $memory_bytes) (i32.const 0x488) (i32.const 7))
      (then (return (call $failed (i32.const 0x49c) (i32.const 22)))))
    ;; Like an error: a case, a place and a length.
    (drop (call $failed (global.get $memory) (global.get $memory_bytes)))
    (call $ok))

  (func (export "restore") (param $state i32) (param $bytes i32) (result i32)
    (if (call $equal (local.get $state) (local.get $bytes) (i32.const 0x490) (i32.const 10))
      (then (return (call $failed (i32.const 0x4b4) (i32.const 25)))))
    (call $remember (local.get $state) (local.get $bytes))
    (call $ok))

  ;; ---- Memory -----------------------------------------------------------------------------------------------------

  ;; What the host passes in and what is made here is laid down one piece after the other, and is gone when the host has
  ;; read the answer. $kept is where that begins: `setup` moves it, so that the settings stay.
  (global $free (mut i32) (i32.const 0x500))
  (global $kept (mut i32) (i32.const 0x500))

  (func (export "cabi_post_setup") (param $answer i32)
    (global.set $memory (global.get $free))
    (global.set $kept (global.get $free)))
  (func (export "cabi_post_handle") (export "cabi_post_restore") (param $answer i32)
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
            (call $put (i32.const 0x474) (i32.const 4))
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
