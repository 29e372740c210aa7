/** Majorities. Any two majorities of one parliament have a member in common. */
import { assert } from "./assert.ts";

/** How many of `seats` are a majority. */
export function majorityOf(seats: number): number {
  assert(seats >= 1, "a parliament has a seat");
  return Math.floor(seats / 2) + 1;
}

/** The highest value that a majority of `values`, one for each seat, has reached. */
export function majorityReached(values: readonly number[]): number {
  assert(values.length >= 1, "a parliament has a seat");
  const reached = values.toSorted((left, right) => right - left)[majorityOf(values.length) - 1];
  assert(reached !== undefined, "a majority has members");
  return reached;
}

/** The largest odd number of seats up to `seats`: an even one costs a vote and survives no more. */
export function oddSeats(seats: number): number {
  assert(seats >= 1, "a parliament has a seat");
  return seats % 2 === 1 ? seats : seats - 1;
}
