;; What every plugin of the tests has in it. Here and in the bodies that tests write, a text in quotes stands for two
;; numbers: where it lies in memory, and how many bytes it has.
;;
;;   0x100  what $send answered        0x160  the answer of a handler that fails
;;   0x120  what $ask_log answered     0x180  digits
;;   0x140  what $ask_count answered   0x1c0  the answer of a handler that is done: zeros
;;   0x1e0  the answer of `save`       0x1f0  a number that is saved

;; Sends; a refusal is a trap, so that no test overlooks one.
(func $send
  (param $pipe i32) (param $pipe_bytes i32)
  (param $event i32) (param $event_bytes i32)
  (param $message i32) (param $message_bytes i32)
  (call $try_send
    (local.get $pipe) (local.get $pipe_bytes)
    (local.get $event) (local.get $event_bytes)
    (local.get $message) (local.get $message_bytes)
    (i32.const 0x100))
  (if (i32.load8_u (i32.const 0x100)) (then (call $the_send_was_refused))))

(func $the_send_was_refused unreachable)

;; Sends `ok`, or what went wrong, to web_told.
(func $tell_outcome (param $outcome i32)
  (if (i32.load8_u (local.get $outcome))
    (then (call $tell_error (i32.add (local.get $outcome) (i32.const 4))))
    (else (call $send "web_told" "ok" (i32.const 0) (i32.const 0)))))

;; Sends an error of the interface `comet` to web_told: its case as the event, its text as the message.
(func $tell_error (param $error i32)
  (local $case i32) (local $text i32) (local $text_bytes i32)
  (local.set $case (i32.load8_u (local.get $error)))
  (local.set $text (i32.load offset=4 (local.get $error)))
  (local.set $text_bytes (i32.load offset=8 (local.get $error)))
  (if (i32.eq (local.get $case) (i32.const 0))
    (then (call $send "web_told" "invalid" (local.get $text) (local.get $text_bytes))))
  (if (i32.eq (local.get $case) (i32.const 1))
    (then (call $send "web_told" "denied" (local.get $text) (local.get $text_bytes))))
  (if (i32.eq (local.get $case) (i32.const 2))
    (then (call $send "web_told" "unavailable" (local.get $text) (local.get $text_bytes))))
  (if (i32.eq (local.get $case) (i32.const 3))
    (then (call $send "web_told" "timed-out" (i32.const 0) (i32.const 0)))))

;; Asks for a log and sends each row to web_told: its event as the event, its data as the message. Then how many there
;; were. A row that does not say that it is history is a trap.
(func $tell_log (param $pipe i32) (param $pipe_bytes i32) (param $limit i32)
  (local $row i32) (local $left i32)
  (call $ask_log (local.get $pipe) (local.get $pipe_bytes) (local.get $limit) (i32.const 0x120))
  (if (i32.load8_u (i32.const 0x120))
    (then (call $tell_error (i32.const 0x124)))
    (else
      (local.set $row (i32.load (i32.const 0x124)))
      (local.set $left (i32.load (i32.const 0x128)))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $left)))
          (if (i32.eqz (i32.load8_u offset=56 (local.get $row))) (then (unreachable)))
          (call $send "web_told"
            (i32.load offset=8 (local.get $row)) (i32.load offset=12 (local.get $row))
            (i32.load offset=16 (local.get $row)) (i32.load offset=20 (local.get $row)))
          (local.set $row (i32.add (local.get $row) (i32.const 64)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $next)))
      (call $send "web_told" "rows" (call $decimal (i64.extend_i32_u (i32.load (i32.const 0x128))))))))

;; Asks for a count and sends it to web_told.
(func $tell_count (param $pipe i32) (param $pipe_bytes i32)
  (call $ask_count (local.get $pipe) (local.get $pipe_bytes) (i32.const 0x140))
  (if (i32.load8_u (i32.const 0x140))
    (then (call $tell_error (i32.const 0x148)))
    (else (call $send "web_told" "count" (call $decimal (i64.load (i32.const 0x148)))))))

;; The answer of a handler, or of `setup`, that fails with these words.
(func $fail (param $words i32) (param $words_bytes i32) (result i32)
  (i32.store8 (i32.const 0x160) (i32.const 1))
  (i32.store (i32.const 0x164) (local.get $words))
  (i32.store (i32.const 0x168) (local.get $words_bytes))
  (i32.const 0x160))

;; Whether two texts are the same.
(func $is (param $one i32) (param $one_bytes i32) (param $two i32) (param $two_bytes i32) (result i32)
  (if (i32.ne (local.get $one_bytes) (local.get $two_bytes)) (then (return (i32.const 0))))
  (block $differs
    (loop $next
      (if (i32.eqz (local.get $one_bytes)) (then (return (i32.const 1))))
      (local.set $one_bytes (i32.sub (local.get $one_bytes) (i32.const 1)))
      (br_if $differs
        (i32.ne
          (i32.load8_u (i32.add (local.get $one) (local.get $one_bytes)))
          (i32.load8_u (i32.add (local.get $two) (local.get $one_bytes)))))
      (br $next)))
  (i32.const 0))

;; A number in decimal digits.
(func $decimal (param $number i64) (result i32 i32)
  (local $at i32)
  (local.set $at (i32.const 0x198))
  (loop $next
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at)
      (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
    (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
    (br_if $next (i64.ne (local.get $number) (i64.const 0))))
  (local.get $at)
  (i32.sub (i32.const 0x198) (local.get $at)))

;; Room, one piece after the other; all of it is free again after each event.
(func $allocate (param $old i32) (param $old_bytes i32) (param $alignment i32) (param $bytes i32) (result i32)
  (local $new i32) (local $missing i32)
  (local.set $new
    (i32.and
      (i32.add (global.get $free) (i32.sub (local.get $alignment) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $alignment))))
  (global.set $free (i32.add (local.get $new) (local.get $bytes)))
  (local.set $missing
    (i32.sub (i32.shr_u (i32.add (global.get $free) (i32.const 0xffff)) (i32.const 16)) (memory.size)))
  (if (i32.gt_s (local.get $missing) (i32.const 0))
    (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (unreachable)))))
  (memory.copy (local.get $new) (local.get $old) (local.get $old_bytes))
  (local.get $new))
