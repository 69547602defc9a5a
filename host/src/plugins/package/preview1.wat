;; wasi_snapshot_preview1 for modules whose runtime takes all memory above its data for its own, as Go's does.
;;
;; The standard adapter keeps its state in memory that it grows, and such a runtime would write over it. This one keeps
;; nothing: it has clocks, random bytes, standard output and error, and sleep. Whoever asks for a file, an argument or a
;; variable is told that there is none, as with the standard adapter; what is left answers that it is not supported.
;;
;; What the host writes for us goes to where the caller wants its answer. A date takes 4 bytes more than that, which are
;; put back. The result of writing a stream takes one byte when all is well; our host's streams never fail otherwise.

(module
  (import "env" "memory" (memory 0))
  (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $sleep (param i64) (result i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop_pollable (param i32)))
  (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
  (import "wasi:cli/stdout@0.2.12" "get-stdout" (func $stdout (result i32)))
  (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop_stream (param i32)))

  ;; Errors: 0 success, 8 bad descriptor, 28 invalid, 52 not supported.

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $to i32) (result i32)
    (local $behind i64)
    (if (i32.eqz (local.get $clock))
      (then
        ;; Real time: seconds and nanoseconds become nanoseconds.
        (local.set $behind (i64.load offset=8 align=1 (local.get $to)))
        (call $wall (local.get $to))
        (i64.store align=1 (local.get $to)
          (i64.add
            (i64.mul (i64.load align=1 (local.get $to)) (i64.const 1000000000))
            (i64.load32_u offset=8 align=1 (local.get $to))))
        (i64.store offset=8 align=1 (local.get $to) (local.get $behind)))
      (else
        (i64.store align=1 (local.get $to) (call $monotonic))))
    (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $to i32) (result i32)
    (i64.store align=1 (local.get $to) (i64.const 1))
    (i32.const 0))

  (func (export "random_get") (param $to i32) (param $bytes i32) (result i32)
    (local $number i64)
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $bytes)))
        (if (i32.ge_u (local.get $bytes) (i32.const 8))
          (then
            (i64.store align=1 (local.get $to) (call $random))
            (local.set $to (i32.add (local.get $to) (i32.const 8)))
            (local.set $bytes (i32.sub (local.get $bytes) (i32.const 8))))
          (else
            (local.set $number (call $random))
            (i64.store8 (local.get $to) (local.get $number))
            (local.set $to (i32.add (local.get $to) (i32.const 1)))
            (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))))
        (br $more)))
    (i32.const 0))

  ;; Writes a list of pieces, each of them an address and a length.
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (local $stream i32) (local $at i32) (local $rest i32) (local $part i32) (local $total i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8))))
    (local.set $stream
      (if (result i32) (i32.eq (local.get $fd) (i32.const 1)) (then (call $stdout)) (else (call $stderr))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load align=1 (local.get $pieces)))
        (local.set $rest (i32.load offset=4 align=1 (local.get $pieces)))
        (block $written_all
          (loop $more
            (br_if $written_all (i32.eqz (local.get $rest)))
            ;; A stream takes 4096 bytes at once.
            (local.set $part
              (select (local.get $rest) (i32.const 4096) (i32.lt_u (local.get $rest) (i32.const 4096))))
            (call $write (local.get $stream) (local.get $at) (local.get $part) (local.get $written))
            (local.set $at (i32.add (local.get $at) (local.get $part)))
            (local.set $rest (i32.sub (local.get $rest) (local.get $part)))
            (local.set $total (i32.add (local.get $total) (local.get $part)))
            (br $more)))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (call $drop_stream (local.get $stream))
    (i32.store align=1 (local.get $written) (local.get $total))
    (i32.const 0))

  ;; Waits for the first clock among the subscriptions, and says that it rang; nothing else can be waited for.
  (func (export "poll_oneoff") (param $subscriptions i32) (param $events i32) (param $count i32) (param $rang i32)
    (result i32)
    (local $time i64) (local $pollable i32)
    (block $found
      (loop $next
        (if (i32.eqz (local.get $count)) (then (return (i32.const 52))))
        (br_if $found (i32.eqz (i32.load8_u offset=8 (local.get $subscriptions))))
        (local.set $subscriptions (i32.add (local.get $subscriptions) (i32.const 48)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (local.set $time (i64.load offset=24 align=1 (local.get $subscriptions)))
    ;; A point in time becomes the time until then.
    (if (i32.and (i32.load16_u offset=40 align=1 (local.get $subscriptions)) (i32.const 1))
      (then
        (local.set $time (i64.sub (local.get $time) (call $monotonic)))
        (if (i64.lt_s (local.get $time) (i64.const 0)) (then (local.set $time (i64.const 0))))))
    (local.set $pollable (call $sleep (local.get $time)))
    (call $block (local.get $pollable))
    (call $drop_pollable (local.get $pollable))
    (memory.fill (local.get $events) (i32.const 0) (i32.const 32))
    (i64.store align=1 (local.get $events) (i64.load align=1 (local.get $subscriptions)))
    (i32.store align=1 (local.get $rang) (i32.const 1))
    (i32.const 0))

  (func $proc_exit (export "proc_exit") (param $code i32)
    (unreachable))
  (func (export "sched_yield") (result i32)
    (i32.const 0))

  ;; No arguments and no variables.
  (func $none (export "args_sizes_get") (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store align=1 (local.get $count) (i32.const 0))
    (i32.store align=1 (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (export "environ_get") (param i32 i32) (result i32)
    (i32.const 0))

  ;; The three standard streams are there, as devices.
  (func (export "fd_fdstat_get") (param $fd i32) (param $to i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (memory.fill (local.get $to) (i32.const 0) (i32.const 24))
    (i32.store8 (local.get $to) (i32.const 2))
    (i32.const 0))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32)
    (i32.const 0))
  (func (export "fd_close") (param i32) (result i32)
    (i32.const 0))
  ;; Standard input is at its end.
  (func (export "fd_read") (param $fd i32) (param $pieces i32) (param $count i32) (param $read i32) (result i32)
    (i32.store align=1 (local.get $read) (i32.const 0))
    (i32.const 0))

  ;; No files.
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))

  ;; Not supported, by the form of their parameters.
  (func (export "fd_datasync") (export "fd_sync") (export "proc_raise") (param i32) (result i32) (i32.const 52))
  (func (export "fd_tell") (export "fd_renumber") (export "sock_shutdown") (param i32 i32) (result i32)
    (i32.const 52))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 52))
  (func (export "path_create_directory") (export "path_remove_directory") (export "path_unlink_file")
    (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_allocate") (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_pread") (export "fd_pwrite") (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32)
    (i32.const 52))
  (func (export "path_filestat_get") (export "path_symlink") (export "sock_send") (param i32 i32 i32 i32 i32)
    (result i32) (i32.const 52))
  (func (export "path_readlink") (export "path_rename") (export "sock_recv") (param i32 i32 i32 i32 i32 i32)
    (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
)
