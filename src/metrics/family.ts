/**
 * A metric with all its label values, read when somebody asks: what the exposition takes, in the
 * shape that prom-client reads. Holds no numbers.
 */
import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly value: number;
  readonly labels: Labels;
  /** Where it is not that of the family: the parts of a histogram. */
  readonly metricName?: string;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** No samples: its subject is not there. */
  read(): readonly Sample[] | Promise<readonly Sample[]>;
}

/** A number alone, none, or one for each of some labels. */
export type Reading = number | null | readonly (readonly [Labels, number])[];

type Read = () => Reading | Promise<Reading>;

export function counter(name: string, help: string, read: Read): Family {
  return { name, help, type: "counter", read: async () => samplesOf(await read()) };
}

export function gauge(name: string, help: string, read: Read): Family {
  return { name, help, type: "gauge", read: async () => samplesOf(await read()) };
}

export function histogram(
  name: string,
  help: string,
  read: () => readonly (readonly [Labels, Histogram])[],
): Family {
  const samples = (): readonly Sample[] => {
    return read().flatMap(([labels, recorder]) => bucketsOf(name, labels, recorder));
  };
  return { name, help, type: "histogram", read: samples };
}

function samplesOf(reading: Reading): readonly Sample[] {
  if (reading === null) return [];
  if (typeof reading === "number") return [{ value: reading, labels: {} }];
  return reading.map(([labels, value]) => ({ value, labels }));
}

function bucketsOf(name: string, labels: Labels, recorder: Histogram): readonly Sample[] {
  const metricName = `${name}_bucket`;
  const { count, sum, bounds } = recorder;
  const under = recorder.cumulated().map((value, at) => {
    return { metricName, labels: { ...labels, le: bounds[at] ?? 0 }, value };
  });
  return [
    ...under,
    { metricName, labels: { ...labels, le: "+Inf" }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
