// A Promise whose jobs the kit runs. QuickJS keeps its own for hosts that call asynchronously, which no plugin has:
// with the engine's Promise an `await` would never go on. The build makes `async` and `await` of this one.

/** Where the kit finds `runJobs`: it is not there with an engine that runs its own. */
const RUN_JOBS = Symbol.for("cometbot.runJobs");

const Native = globalThis.Promise;
let jobs = [];
const unseen = new Set();

class Promise {
  #state = "pending";
  #value;
  #reactions = [];
  #isSeen = false;

  constructor(executor) {
    if (typeof executor !== "function") throw new TypeError("a Promise needs a function");
    const [resolve, reject] = this.#settlers();
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  static get [Symbol.species]() {
    return this;
  }

  static resolve(value) {
    if (value instanceof Promise && value.constructor === this) return value;
    return new this((resolve) => resolve(value));
  }

  static reject(reason) {
    return new this((_, reject) => reject(reason));
  }

  then(onFulfilled, onRejected) {
    const Species = this.constructor?.[Symbol.species] ?? Promise;
    return new Species((resolve, reject) => {
      const reaction = () => {
        const callback = this.#state === "fulfilled" ? onFulfilled : onRejected;
        if (typeof callback !== "function")
          return this.#state === "fulfilled" ? resolve(this.#value) : reject(this.#value);
        let result;
        try {
          result = callback(this.#value);
        } catch (error) {
          return reject(error);
        }
        resolve(result);
      };
      this.#isSeen = true;
      unseen.delete(this);
      if (this.#state === "pending") this.#reactions.push(reaction);
      else jobs.push(reaction);
    });
  }

  /** The pair of functions that settle this promise, of which the first call counts. */
  #settlers() {
    let isDone = false;
    const once = (settle) => (value) => {
      if (isDone) return;
      isDone = true;
      settle(value);
    };
    return [once((value) => this.#resolve(value)), once((reason) => this.#settle("rejected", reason))];
  }

  #resolve(value) {
    if (value === this) return this.#settle("rejected", new TypeError("a promise cannot wait for itself"));
    if ((typeof value !== "object" || value === null) && typeof value !== "function")
      return this.#settle("fulfilled", value);
    let then;
    try {
      then = value.then;
    } catch (error) {
      return this.#settle("rejected", error);
    }
    if (typeof then !== "function") return this.#settle("fulfilled", value);
    const [resolve, reject] = this.#settlers();
    jobs.push(() => {
      try {
        then.call(value, resolve, reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  #settle(state, value) {
    this.#state = state;
    this.#value = value;
    if (state === "rejected" && !this.#isSeen) unseen.add(this);
    jobs.push(...this.#reactions);
    this.#reactions = [];
  }

  /** The reasons of promises that were rejected while nobody looked. */
  static #takeUnseen() {
    const reasons = [...unseen].map((promise) => promise.#value);
    unseen.clear();
    return reasons;
  }

  static {
    globalThis[RUN_JOBS] = () => {
      const thrown = [];
      while (jobs.length > 0) {
        const batch = jobs;
        jobs = [];
        for (const job of batch) {
          try {
            job();
          } catch (error) {
            thrown.push(error);
          }
        }
      }
      return [...thrown, ...Promise.#takeUnseen()];
    };
  }
}

// These work with any class that can resolve, reject and then.
for (const name of ["all", "allSettled", "any", "race", "try", "withResolvers"]) {
  if (name in Native) Object.defineProperty(Promise, name, { value: Native[name], writable: true, configurable: true });
}
for (const name of ["catch", "finally"]) {
  Object.defineProperty(Promise.prototype, name, { value: Native.prototype[name], writable: true, configurable: true });
}
Object.defineProperty(Promise.prototype, Symbol.toStringTag, { value: "Promise", configurable: true });

globalThis.Promise = Promise;
globalThis.queueMicrotask = (job) => {
  if (typeof job !== "function") throw new TypeError("queueMicrotask needs a function");
  jobs.push(() => job());
};
