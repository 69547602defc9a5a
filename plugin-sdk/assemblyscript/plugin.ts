// What a plugin extends, and which plugin it is.

import { Event } from "./event";
import { State } from "./state";
import { Wants } from "./wants";

/**
 * One instance of a plugin, with the memory that it keeps from event to event.
 *
 * The host sets up a new instance at the start, at a reload, and after an abort or a deadline: then the old one is
 * thrown away with its memory. Over a reload `save` and `restore` carry it. An error that `handle` returns costs only that
 * event.
 */
export abstract class Plugin {
  /**
   * Says what the plugin wants to hear and to do. Called once, before the first event.
   *
   * An error keeps the plugin from running: its message is for the operator.
   */
  abstract setup(wants: Wants): Error | null;

  /**
   * Handles one event. Events come in order and one at a time; what was missed while there was no connection comes
   * before what is new in its pipe, with `history` set.
   *
   * An error is a failure of this event: its message goes to the log and nothing that was sent for it leaves.
   */
  abstract handle(event: Event): Error | null;

  /**
   * Puts into `state` what the next version shall know when it takes over, in a form that it will understand. Called
   * between two events, and nothing can be sent; this instance goes on as it is if the next one does not take over. By
   * default it is nothing.
   *
   * An error keeps the next version from taking over: its message is for the operator.
   */
  save(state: State): Error | null {
    return null;
  }

  /**
   * Takes what an earlier version saved: after `setup`, before the first event, and only if there is something. By default
   * it is let go.
   *
   * An error keeps this version from taking over, and the earlier one goes on: its message is for the operator.
   */
  restore(state: State): Error | null {
    return null;
  }
}

let registered: Plugin | null = null;

/** Says which plugin this is: `register(new Greeter());`, once, at the end of the main source. */
export function register(plugin: Plugin): void {
  registered = plugin;
}

/** The plugin that was registered. For `exports.ts` alone. */
export function registeredPlugin(): Plugin | null {
  return registered;
}
