// Undo and redo over snapshots of a state; the oldest are forgotten.

export class UndoHistory {
  constructor(steps = 60) {
    this.steps = steps;
    this.past = [];
    this.future = [];
  }

  get canUndo() {
    return this.past.length > 0;
  }

  get canRedo() {
    return this.future.length > 0;
  }

  // Keep the state before a change; what was undone is lost by it.
  remember(state) {
    this.past.push(state);
    if (this.past.length > this.steps) this.past.shift();
    this.future = [];
  }

  // Return the state to go back to, or undefined; the present one can be had again by redo.
  undo(present) {
    return travel(this.past, this.future, present);
  }

  redo(present) {
    return travel(this.future, this.past, present);
  }
}

function travel(from, to, present) {
  if (!from.length) return undefined;
  to.push(present);
  return from.pop();
}
