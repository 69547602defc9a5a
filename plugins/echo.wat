;; echo: answers every message of the pipe web_chat with itself.
;;
;; A whole plugin without any tool: WebAssembly by hand. cometbot reads this text, gives it the component type of the
;; contract (plugin-sdk/wit/cometbot.wit) and compiles it. Change something and save: the new version is live at once.
;;
;; How the contract's types look in here is called the canonical ABI:
;;   string, list<T>    two i32: where the first byte is, and how many bytes or elements there are
;;   bool               one i32: 0 or 1
;;   option<u64>        an i32, 0 for none and 1 for some, and an i64
;;   record             its fields, one after the other
;;   variant, result    a number that says which case it is, and then what the case holds
;; Arguments are laid flat like that into a function's parameters. A result that needs more than one value lies in
;; memory, and the function answers with its address; there, an i32 has 4 bytes, the lowest first.

(module
  ;; What this plugin may ask for in `setup`, at most, for whoever reads it without running it.
  (@custom "cometbot:manifest" "{\"hear\":[\"web_chat\"],\"send\":[\"web_chat\"]}")

  ;; send: func(pipe: string, event: string, message: string) -> result<_, error>
  ;; Three strings are six parameters. The seventh says where the host shall write the result, see $sent below.
  (import "cometbot:plugin/comet@1.0.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32)))

  ;; One page is 64 KiB; cabi_realloc asks for more when it is needed. The host reads and writes in here.
  (memory (export "memory") 1)

  ;; ---- What you may want to change --------------------------------------------------------------------------------

  ;; What stands before each echo: at most 255 bytes, which end at the first zero byte.
  (data (i32.const 0x100) "echo: ")

  ;; The names, where the tables below point to. Whoever changes one changes its length there as well.
  (data (i32.const 0x40) "web_chat") ;; 8 bytes
  (data (i32.const 0x50) "msg")      ;; 3 bytes
  (data (i32.const 0x60) "echo")     ;; 4 bytes: the event that is sent, in $handle
  (data (i32.const 0x70) "1.0.0")    ;; 5 bytes

  ;; ---- setup: func() -> result<wants, string> ---------------------------------------------------------------------

  ;; The answer never changes, so it lies here ready.
  (data (i32.const 0x200)
    "\00\00\00\00"                 ;; result: case 0, ok
    "\70\00\00\00" "\05\00\00\00"  ;; version: the 5 bytes at 0x70
    "\30\02\00\00" "\01\00\00\00"  ;; hear: 1 element at 0x230
    "\50\02\00\00" "\01\00\00\00"  ;; send: 1 element at 0x250
    "\00\00\00\00" "\00\00\00\00"  ;; log: nothing
    "\00\00\00\00" "\00\00\00\00") ;; count: nothing

  ;; The one element of `hear`, a record: pipe, events.
  (data (i32.const 0x230)
    "\40\00\00\00" "\08\00\00\00"  ;; pipe: the 8 bytes at 0x40
    "\40\02\00\00" "\01\00\00\00") ;; events: 1 element at 0x240
  (data (i32.const 0x240)
    "\50\00\00\00" "\03\00\00\00") ;; the 3 bytes at 0x50

  ;; The one element of `send`.
  (data (i32.const 0x250)
    "\40\00\00\00" "\08\00\00\00") ;; the 8 bytes at 0x40

  (func (export "setup") (result i32)
    (i32.const 0x200))

  ;; ---- handle: func(event) -> result<_, string> -------------------------------------------------------------------

  (func (export "handle")
    (param $pipe i32) (param $pipe_bytes i32)
    (param $name i32) (param $name_bytes i32)
    (param $data i32) (param $data_bytes i32)
    (param $has_user i32) (param $user i64)
    (param $has_time i32) (param $time i64)
    (param $history i32)
    (result i32)
    (local $prefix_bytes i32) (local $message i32)

    ;; message = prefix + data
    (local.set $prefix_bytes (call $length (i32.const 0x100)))
    (local.set $message
      (call $allocate (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.add (local.get $prefix_bytes) (local.get $data_bytes))))
    (memory.copy (local.get $message) (i32.const 0x100) (local.get $prefix_bytes))
    (memory.copy
      (i32.add (local.get $message) (local.get $prefix_bytes))
      (local.get $data)
      (local.get $data_bytes))

    ;; Back to where it came from. Another event name than the one that is heard: two such plugins would never end.
    (call $send
      (local.get $pipe) (local.get $pipe_bytes)
      (i32.const 0x60) (i32.const 4)
      (local.get $message) (i32.add (local.get $prefix_bytes) (local.get $data_bytes))
      (i32.const 0x300))

    (call $sent))

  ;; Makes the result of `handle`, at 0x320, out of that of `send`, at 0x300:
  ;;   0x300  result: 0 ok, 1 error                      0x320  result: 0 ok, 1 error
  ;;   0x304  the error's case: 3, timed-out, is bare    0x324  the error's text: where it is
  ;;   0x308  the error's text: where it is              0x328  how many bytes it has
  ;;   0x30c  how many bytes it has
  (func $sent (result i32)
    (i32.store8 (i32.const 0x320) (i32.load8_u (i32.const 0x300)))
    (if (i32.eq (i32.load8_u (i32.const 0x304)) (i32.const 3))
      (then
        (i32.store (i32.const 0x324) (i32.const 0x340))
        (i32.store (i32.const 0x328) (i32.const 39)))
      (else
        (i32.store (i32.const 0x324) (i32.load (i32.const 0x308)))
        (i32.store (i32.const 0x328) (i32.load (i32.const 0x30c)))))
    (i32.const 0x320))

  (data (i32.const 0x340) "the comet server did not answer in time") ;; 39 bytes

  ;; How many bytes there are before the first zero byte.
  (func $length (param $text i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $text))
    (block $found
      (loop $next
        (br_if $found (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $text)))

  ;; ---- Memory -----------------------------------------------------------------------------------------------------

  ;; The host calls cabi_realloc for room for every string that it passes in: those of an event, before it calls
  ;; `handle`, and that of an error. Here that room is taken one piece after the other and never given back...
  (global $free (mut i32) (i32.const 0x400))

  (func $allocate (export "cabi_realloc")
    (param $old i32) (param $old_bytes i32) (param $alignment i32) (param $bytes i32)
    (result i32)
    (local $new i32) (local $missing i32)

    ;; Up to the next multiple of the alignment, which is a power of two.
    (local.set $new
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $alignment) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $alignment))))
    (global.set $free (i32.add (local.get $new) (local.get $bytes)))

    ;; The pages that lack, rounded up. What the host does not grant is an end with a trap.
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (global.get $free) (i32.const 0xffff)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
          (then unreachable))))

    ;; It is a realloc: what was there before moves with it.
    (memory.copy (local.get $new) (local.get $old) (local.get $old_bytes))
    (local.get $new))

  ;; ... until the host has read the result of `handle` and calls this. The next event finds all of it free.
  (func (export "cabi_post_handle") (param $result i32)
    (global.set $free (i32.const 0x400)))
)
