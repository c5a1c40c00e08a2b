// Actions wait here until the server's event takes them: none is lost if clicks come fast.

export class PendingActions {
  waiting = [];

  // Settings that are made one after another become one action, and so do moves of a filter.
  add(action) {
    const last = this.waiting[this.waiting.length - 1];
    const sameFilter = last?.do === "filter" && action.do === "filter" && last.name === action.name;
    if (sameFilter) last.ends = action.ends;
    else if (last?.do === "set" && action.do === "set" && last.all === action.all) {
      Object.assign(last.values, action.values);
      if (!action.live) delete last.live;
    } else this.waiting.push(action);
  }

  get isEmpty() {
    return !this.waiting.length;
  }

  take() {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }
}
