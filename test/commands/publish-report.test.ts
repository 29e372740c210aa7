/** What `kibitz publish` says when it stopped early, and with which code it ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Interrupted } from "../../src/commands/interruption.ts";
import { LineTooLong } from "../../src/lines.ts";
import {
  AcknowledgementTimeout,
  type PipelineReport,
} from "../../src/commands/publish-pipeline.ts";
import { tellFailure } from "../../src/commands/publish-report.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { captureOutput } from "./captured-output.ts";

const nothing: PipelineReport = {
  failure: null,
  accepted: [],
  refused: [],
  unknown: [],
  submitted: 0,
};

function exitCodeWith(failure: Error, changes: Partial<PipelineReport>): number {
  const { output } = captureOutput();
  return tellFailure({ ...nothing, ...changes }, failure, { json: false, output, total: null });
}

test("the exit code tells what a script may do next", () => {
  const late = new AcknowledgementTimeout(1, 30_000);
  const first = [{ first: 1, last: 1 }];
  assert.equal(exitCodeWith(late, { refused: first }), 3);
  assert.equal(exitCodeWith(late, { unknown: first }), 7);
  assert.equal(exitCodeWith(new Interrupted("x"), { unknown: first }), 130);
  assert.equal(exitCodeWith(new LineTooLong(2, 5), { accepted: first }), 2);
  const details = { retryable: true, outcome: "none" } as const;
  assert.equal(exitCodeWith(new KibitzerError("KBZ_NO_QUORUM", "x", details), {}), 3);
});

test("every entry is accounted for, for people and for scripts", async () => {
  const captured = captureOutput();
  const report: PipelineReport = {
    failure: null,
    accepted: [{ first: 1, last: 400 }],
    unknown: [
      { first: 401, last: 419 },
      { first: 421, last: 421 },
    ],
    refused: [{ first: 420, last: 420 }],
    submitted: 421,
  };
  const { output } = captured;
  tellFailure(report, new Interrupted("x"), { json: true, output, total: null });
  const told = captured.stderr();
  assert.match(told, /accepted: +400 \(line 1–400\)/);
  assert.match(told, /not accepted: +1 \(line 420\)/);
  assert.match(told, /unknown: +20 \(line 401–419, 421\)/);
  assert.match(told, /not submitted: what follows line 421$/m);
  assert.deepEqual(JSON.parse(await captured.stdout()), {
    accepted: [[1, 400]],
    refused: [[420, 420]],
    unknown: [
      [401, 419],
      [421, 421],
    ],
    submitted: 421,
    exitCode: 130,
  });
});

function notSubmitted(submitted: number, total: number | null): string {
  const captured = captureOutput();
  const { output } = captured;
  const late = new AcknowledgementTimeout(1, 2000);
  tellFailure({ ...nothing, submitted }, late, { json: false, output, total });
  assert.match(captured.stderr(), /entry 1 was not acknowledged within 2000 ms.*majority/);
  return /not submitted: (.*)/.exec(captured.stderr())?.[1] ?? "";
}

test("what was not submitted is told by its numbers, or by the line before it", () => {
  assert.equal(notSubmitted(1, 1), "none");
  assert.equal(notSubmitted(2, 5), "3 (entry 3–5)");
  assert.equal(notSubmitted(0, null), "every line");
  assert.equal(notSubmitted(7, null), "what follows line 7");
});
